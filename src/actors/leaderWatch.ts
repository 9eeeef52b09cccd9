import type { Grant, Lease } from '../domain/lease.ts';
import type { Peers } from './ports.ts';

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
      endWatch = boot === me
        ? () => {}
        : peers.watch({ address, boot }, (sinceMs) => onDead(grant as Grant, sinceMs));
    },
    end: () => endWatch(),
  };
}
