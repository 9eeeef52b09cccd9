/**
 * The store's ports, as the machines and the API need them. Two adapters, MongoDB and memory, pass
 * one conformance suite (tests/store).
 */
import type { EventFeed } from './events/eventFeed.ts';
import type { ClaimStore } from './firing/claimStore.ts';
import type { LeaseStore } from './leadership/leaseStore.ts';
import type { LeadershipStore } from './leadership/termStore.ts';
import type { PresenceStore } from './membership/presenceStore.ts';
import type { BackfillStore } from './runs/backfillStore.ts';
import type { RunStore } from './runs/runStore.ts';
import type { ScheduleFeed } from './schedules/scheduleFeed.ts';
import type { ScheduleStore } from './schedules/scheduleStore.ts';
import type { Lease } from '../domain/leadership/lease.ts';

/** Everything that a store adapter offers. */
export interface Store {
  lease: LeaseStore;
  claims: ClaimStore;
  schedules: ScheduleStore;
  feed: ScheduleFeed;
  runs: RunStore;
  backfills: BackfillStore;
  presence: PresenceStore;
  leadership: LeadershipStore;
  events: EventFeed;
  /**
   * Resolves once the store answers and has all that the product needs (collections, indexes, the
   * lease document), with the names of what was missing and is created. Idempotent, also for any
   * number of replicas at once. `known`: the lease as the caller last saw it; a deleted lease
   * continues from there.
   */
  prepare(known?: Lease | null): Promise<string[]>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
