/**
 * The slots of the machines are filled here, concern by concern: their store calls, and their
 * reports. A machine decides when; a slot defines what. Also what several slots share.
 */
import type { InspectionEvent } from 'xstate';
import type { Peers } from '../actors/leadership/peers.ts';
import type { ReplicaObserver } from '../actors/observer.ts';
import type { Execute } from '../actors/runs/execute.ts';
import type { RunsEvent } from '../actors/runs/runEvents.ts';
import type { Clock, Logger, Random } from '../actors/shared/environment.ts';
import type { Store } from '../actors/store.ts';
import type { Lease, LeaseReading } from '../domain/leadership/lease.ts';
import type { LeaseTiming } from '../domain/leadership/leaseTiming.ts';
import type { SampleOf, ServerTime } from '../domain/leadership/serverTime.ts';
import type { TrustWindow } from '../domain/leadership/trustWindow.ts';
import type { PlacesInUse } from '../domain/membership/replica.ts';

export interface ReplicaDeps {
  store: Store;
  clock: Clock;
  random: Random;
  logger: Logger;
  execute: Execute;
  peers: Peers;
  /** Replica name, boot (uuid of this process), URL of the API, program version. */
  identity: { id: string; boot: string; address: string; version: string };
  lease: LeaseTiming;
  graceMs: number;
  /** Places for runs. */
  maxRuns: number;
  /** Whether a standby executes runs, too. */
  standbyExecutes: boolean;
  /** Current warnings about this replica, for its presence entry; must be stable while nothing changes. */
  warnings?: () => string[];
  /** Receives the inspection events of all actors of this replica. */
  inspect?: ((event: InspectionEvent) => void) | undefined;
  observer?: Partial<ReplicaObserver>;
}

/** What the slots of one replica share besides. */
export interface SlotDeps extends ReplicaDeps {
  serverTime: ServerTime;
  trust: TrustWindow;
  /** The lease as last seen, with the latest known watermark; null before the first look. */
  known(): Lease | null;
  /** The same, of a term that is not below any which may have begun. */
  restorable(): Lease | null;
  /** A request for the next term got no answer. */
  askedInVain(): void;
  /** Notes that the store is unusable now, and why. */
  troubled(error: unknown): void;
  /** For the executor and the cancellation of this replica. */
  tellRuns(event: RunsEvent): void;
  /** The run has ended here, and its end is recorded. */
  freePlace(runId: string): void;
  placesInUse(): PlacesInUse;
  report(_: unknown, params: { message: string; error?: unknown }): void;
  /** Samples the server's clock, by a call sent and answered at these monotonic times, ms. */
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

/** Creates what the store lacks, and logs it. */
export async function prepareStore({ store, logger, restorable }: SlotDeps): Promise<void> {
  const lease = restorable();
  const created = await store.prepare(lease);
  if (created.length === 0) return;
  if (lease === null) logger.info('prepared the database', { made: created });
  else logger.warn('parts of the database were missing; created them again', { made: created });
}

/** Reads the lease, and samples the server's clock. */
export async function readLease({ store, clock, sampled }: SlotDeps): Promise<LeaseReading> {
  const sentMs = clock.monotonic();
  const reading = await store.lease.read();
  sampled(sentMs, clock.monotonic(), reading.serverNowMs, 'read');
  return reading;
}
