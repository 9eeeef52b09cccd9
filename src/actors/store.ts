/**
 * What the machines and the API need of a store, port by port. There are two adapters, MongoDB and memory, which pass one
 * conformance suite (tests/store).
 */
import type { EventFeed } from './events/eventFeed.ts';
import type { ClaimStore } from './firing/claimStore.ts';
import type { LeaseStore } from './leadership/leaseStore.ts';
import type { LeadershipStore } from './leadership/termStore.ts';
import type { PresenceStore } from './membership/presenceStore.ts';
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
  presence: PresenceStore;
  leadership: LeadershipStore;
  events: EventFeed;
  /**
   * Resolves once the store answers and everything that the product needs in it (collections, indexes, the lease
   * document) is there, with the names of what was missing and is made. Idempotent, by any number of replicas at
   * once. `known` is the lease as the caller saw it last: one that was deleted goes on from there.
   */
  prepare(known?: Lease | null): Promise<string[]>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
