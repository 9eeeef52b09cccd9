import type { Grant, LeaseReading } from '../domain/lease.ts';
import { HEAD_START_MS } from './headStart.ts';
import type { Clock, Peers } from './ports.ts';

/**
 * A new leader is left alone for the first moment of its term: to take connections keeps it from its first claim. Not
 * for longer, since the lease of one that is killed before it was met has to run out.
 */
const MEET_AFTER_MS = HEAD_START_MS / 2;

/** Follows the lease from holder to holder with one liveness connection at a time. */
export interface LeaderWatch {
  /** The lease as it was last read. */
  follow(reading: LeaseReading): void;
  end(): void;
}

/**
 * `onDead` is told under which grant the dead process was last seen to hold the lease: only that one may be
 * pre-empted. A process is told dead once; a lease without a holder, or our own, is not watched.
 */
export function leaderWatch(
  peers: Peers,
  clock: Clock,
  me: string,
  onDead: (grant: Grant, sinceMs: number) => void,
): LeaderWatch {
  let grant: Grant | null = null;
  let endWatch = () => {};
  return {
    follow({ lease: { holder, boot, term, address, acquired_at }, serverNowMs }) {
      const isSame = grant?.boot === boot;
      if (holder === null || boot === null || address === null) return;
      grant = { holder, boot, term };
      if (isSame) return;
      endWatch();
      endWatch = () => {};
      if (boot === me) return;
      const sinceMs = serverNowMs - (acquired_at?.getTime() ?? 0);
      const leftMs = Math.min(Math.max(0, MEET_AFTER_MS - sinceMs), MEET_AFTER_MS);
      const timer = clock.setTimeout(() => {
        endWatch = peers.watch({ address, boot }, (deadMs) => onDead(grant as Grant, deadMs));
      }, leftMs);
      endWatch = () => clock.clearTimeout(timer);
    },
    end: () => endWatch(),
  };
}
