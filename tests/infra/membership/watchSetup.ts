/** Watches on peers, for the tests of liveness connections. */
import type { Clock } from '../../../src/actors/shared/environment.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { httpPeers } from '../../../src/infra/membership/peers.ts';
import { Arrivals, fakePeer, heard } from './peerSupport.ts';

export const BOOT = '11111111-2222-3333-4444-555555555555';
export const OTHER = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
export const ME = '99999999-8888-7777-6666-555555555555';
const MINE = { address: 'http://127.0.0.1:1', boot: ME };

/** A watch on the process `boot`, and how often it was told to be dead. */
export function watch(address: string, boot = BOOT, clock: Clock = systemClock(), me = MINE) {
  const deaths = new Arrivals<void>();
  const peers = httpPeers(clock, me, () => null);
  const end = peers.watch({ address, boot }, () => deaths.add());
  return {
    peers,
    end,
    dead: () => deaths.next(),
    isDead: () => deaths.left > 0,
    problem: () => peers.watching()?.problem,
  };
}

/** A peer of the test's own that has been met. */
export async function met(clock?: Clock) {
  const peer = await fakePeer(BOOT);
  const watching = watch(peer.address, BOOT, clock);
  await peer.asked.next();
  await heard(peer.address);
  // What `heard` asked for.
  for (let i = 0; i < 2; i++) await peer.asked.next();
  return { peer, ...watching };
}

/** All of it is a matter of milliseconds. */
export const BOUNDED = { timeout: 20_000 };
