import type { Announcement, Replica } from '../../domain/membership/replica.ts';

export interface PresenceStore {
  /** Writes or refreshes this replica's entry: seen now, and not lost. */
  announce(replica: Announcement): Promise<void>;
  /** Takes this boot's entry away. */
  leave(boot: string): Promise<void>;
  /** Everybody seen within the last `withinMs` of server time, ordered by id. */
  list(withinMs: number): Promise<Replica[]>;
  /**
   * Notes as lost who was not seen for `lostAfterMs` of server time, and takes away who was not for
   * `goneAfterMs`.
   */
  sweep(limits: { lostAfterMs: number; goneAfterMs: number }): Promise<void>;
}
