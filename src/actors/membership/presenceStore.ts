import type { Announcement, Replica } from '../../domain/membership/replica.ts';

export interface PresenceStore {
  /** Upserts this replica's entry: seen now, and not lost. */
  announce(replica: Announcement): Promise<void>;
  /** Deletes this boot's entry. */
  leave(boot: string): Promise<void>;
  /** Replicas seen within the last `withinMs` of server time, ordered by id. */
  list(withinMs: number): Promise<Replica[]>;
  /**
   * Marks replicas not seen for `lostAfterMs` of server time as lost, and deletes those not seen for
   * `goneAfterMs`.
   */
  sweep(limits: { lostAfterMs: number; goneAfterMs: number }): Promise<void>;
}
