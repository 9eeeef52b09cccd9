import type { Peers } from '../../actors/leadership/peers.ts';
import type { Clock } from '../../actors/shared/environment.ts';
import { Watch, type WatchedPeer } from './watch.ts';

/** How long a shared address is distrusted, and how many addresses and processes are kept (G9). */
const DISTRUST_MS = 600_000;
const MAX_KEPT = 32;

export interface HttpPeers extends Peers {
  /** The currently watched process. `problem`: why its death would go undetected, if so. */
  watching(): (WatchedPeer & { problem: string | null }) | null;
  /** The announced replicas, with their last heartbeats. A process declared dead may be among them. */
  noteHeartbeats(replicas: readonly { boot: string; last_seen: Date }[]): void;
}

/**
 * Liveness connections over HTTP, of the process `me`. The serving end, which knows the heir, is
 * src/http/membership/liveness.ts.
 */
export function httpPeers(clock: Clock, me: WatchedPeer, heir: Peers['heir']): HttpPeers {
  const distrusted = new Map<string, { why: string; untilMs: number }>();
  /** Processes declared dead, with their last heartbeat once that is known. */
  const dead = new Map<string, { address: string; last_seen: Date | null }>();
  let current: { peer: WatchedPeer; watch: Watch } | null = null;

  function distrust(address: string, why: string): void {
    keep(distrusted, address, { why, untilMs: clock.monotonic() + DISTRUST_MS });
  }

  return {
    heir,
    watch(peer, onDead) {
      const entry = distrusted.get(peer.address);
      const why = entry !== undefined && clock.monotonic() < entry.untilMs ? entry.why : null;
      const watch = new Watch({
        clock,
        me,
        peer,
        onDead(sinceMs) {
          keep(dead, peer.boot, { address: peer.address, last_seen: null });
          onDead(sinceMs);
        },
        onShared: (why) => distrust(peer.address, why),
      }, why);
      const mine = current = { peer, watch };
      const end = watch.start();
      return () => {
        if (current === mine) current = null;
        end();
      };
    },
    watching: () => current && { ...current.peer, problem: current.watch.problem },
    noteHeartbeats(replicas) {
      for (const { boot, last_seen } of replicas) {
        const declared = dead.get(boot);
        if (declared === undefined) continue;
        if (declared.last_seen !== null && last_seen > declared.last_seen) {
          dead.delete(boot);
          distrust(declared.address, 'a process that was declared dead at this address is alive');
        } else declared.last_seen = last_seen;
      }
    },
  };
}

function keep<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MAX_KEPT) map.delete(map.keys().next().value as K);
}
