import type { Grant, LeaseReading } from '../../domain/leadership/lease.ts';
import { MEET_AFTER_MS } from './headStart.ts';
import type { Peers } from './peers.ts';
import type { Clock } from '../shared/environment.ts';

/** Follows the lease from holder to holder with one liveness connection at a time. */
export interface LeaderWatch {
  /** Takes the lease as last read. */
  follow(reading: LeaseReading): void;
  end(): void;
}

/**
 * `onDead` gets the grant under which the dead process was last seen to hold the lease: only that one
 * may be pre-empted. It is called once per process; a lease without a holder, or our own, is not
 * watched.
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
      const ledMs = serverNowMs - (acquired_at?.getTime() ?? 0);
      const leftMs = Math.min(Math.max(0, MEET_AFTER_MS - ledMs), MEET_AFTER_MS);
      const timer = clock.setTimeout(() => {
        endWatch = peers.watch({ address, boot }, (sinceMs) => onDead(grant as Grant, sinceMs));
      }, leftMs);
      endWatch = () => clock.clearTimeout(timer);
    },
    end: () => endWatch(),
  };
}
