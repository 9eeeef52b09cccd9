import type { Grant, Lease } from '../domain/lease.ts';
import { HEAD_START_MS } from './headStart.ts';
import type { Clock, Peers } from './ports.ts';

/**
 * A new leader is left alone for a moment: to take connections keeps it from its first claim. Not for longer, since one
 * that is killed before it was met has to run out.
 */
const MEET_AFTER_MS = HEAD_START_MS / 2;

/** Follows the lease from holder to holder with one liveness connection at a time. */
export interface LeaderWatch {
  /** The lease as it was last read. */
  follow(lease: Lease): void;
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
    follow({ holder, boot, term, address }) {
      const isSame = grant?.boot === boot;
      if (holder === null || boot === null || address === null) return;
      grant = { holder, boot, term };
      if (isSame) return;
      endWatch();
      endWatch = () => {};
      if (boot === me) return;
      const timer = clock.setTimeout(() => {
        endWatch = peers.watch({ address, boot }, (sinceMs) => onDead(grant as Grant, sinceMs));
      }, MEET_AFTER_MS);
      endWatch = () => clock.clearTimeout(timer);
    },
    end: () => endWatch(),
  };
}
