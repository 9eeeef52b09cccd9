/**
 * What the machines leave open is filled in here, concern by concern: the calls that they make, and where they tell what
 * they did. A machine says when; here is what. And what several of them share.
 */
import type { InspectionEvent } from 'xstate';
import type { Peers } from '../actors/leadership/peers.ts';
import type { ReplicaObserver } from '../actors/observer.ts';
import type { Execute } from '../actors/runs/execute.ts';
import type { Clock, Logger, Random } from '../actors/shared/environment.ts';
import type { Store } from '../actors/store.ts';
import type { Lease, LeaseReading, LeaseTiming } from '../domain/leadership/lease.ts';
import type { SampleOf, ServerTime } from '../domain/leadership/serverTime.ts';
import type { TrustWindow } from '../domain/leadership/trustWindow.ts';

export interface ReplicaDeps {
  store: Store;
  clock: Clock;
  random: Random;
  logger: Logger;
  execute: Execute;
  peers: Peers;
  /** Name, uuid of this life, where the API is, version of the program. */
  identity: { id: string; boot: string; address: string; version: string };
  lease: LeaseTiming;
  graceMs: number;
  /** What is wrong with this replica at the moment, for its entry; must stay the same while nothing changes. */
  warnings?: () => string[];
  /** Told what all actors of this replica do. */
  inspect?: ((event: InspectionEvent) => void) | undefined;
  observer?: Partial<ReplicaObserver>;
}

/** What one replica's machines share besides. */
export interface SlotDeps extends ReplicaDeps {
  serverTime: ServerTime;
  trust: TrustWindow;
  /** The lease as it was last seen, with the latest watermark that we know; null before the first look. */
  known(): Lease | null;
  /** The store can't be used just now, for this reason. */
  troubled(error: unknown): void;
  report(_: unknown, params: { message: string; error?: unknown }): void;
  /** The server's time was told by a call that was sent and answered then, monotonic. */
  sampled(sentMs: number, receivedMs: number, serverMs: number, of: SampleOf): void;
}

export async function noting<T>({ troubled }: SlotDeps, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    troubled(error);
    throw error;
  }
}

/** Has the store make what is missing in it, and says what that was. */
export async function prepareStore({ store, logger, known }: SlotDeps): Promise<void> {
  const lease = known();
  const made = await store.prepare(lease);
  if (made.length === 0) return;
  if (lease === null) logger.info('prepared the database', { made });
  else logger.warn('parts of the database were gone, and are made again', { made });
}

/** The lease as the server sees it, and a sample of its clock. */
export async function readLease({ store, clock, sampled }: SlotDeps): Promise<LeaseReading> {
  const sentMs = clock.monotonic();
  const reading = await store.lease.read();
  sampled(sentMs, clock.monotonic(), reading.serverNowMs, 'read');
  return reading;
}
