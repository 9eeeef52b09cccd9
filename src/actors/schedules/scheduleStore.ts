import type { Page } from '../shared/page.ts';
import type { ListedSchedule } from '../../domain/schedules/listing.ts';
import type { NotUnderstood, Schedule, ScheduleSpec } from '../../domain/schedules/schedule.ts';

/** Selects schedules that match every given field. */
export interface ScheduleFilter {
  /** Substring of the id or the name, case-insensitive. */
  q?: string;
  type?: Schedule['type'];
  /** The schedule has all of these tags. */
  tags?: readonly { key: string; value: string }[];
  paused?: boolean;
}

export interface ScheduleQuery extends ScheduleFilter {
  limit: number;
  cursor: string | null;
}

/** Every write is stamped with the server's clock. */
export interface ScheduleStore {
  get(id: string): Promise<Schedule | NotUnderstood | null>;
  /** Ordered by id. `nowMs`: server time, epoch ms; a summary's next moment counts from it. */
  list(query: ScheduleQuery, nowMs: number): Promise<Page<ListedSchedule | NotUnderstood>>;
  count(filter: ScheduleFilter): Promise<number>;
  /** 'conflict' when the id is taken. */
  create(id: string, spec: ScheduleSpec): Promise<Schedule | 'conflict'>;
  /**
   * Replaces the definition. Null when the id does not exist; 'conflict' when `ifRevision` is given
   * and another revision is stored; the stored document, unchanged, when it is not understood. A
   * definition equal to the stored one makes no revision, and one with the same timing supersedes
   * nothing (scheduleChange.ts). Resolves only when no claim of the old definition can commit any
   * more (G4): it waits for a claim in flight, and a later claim finds the new revision. Rejects with
   * `ChangeDeclined` when it would carry more superseded definitions than allowed.
   */
  replace(
    id: string,
    spec: ScheduleSpec,
    ifRevision?: number,
  ): Promise<Schedule | NotUnderstood | null | 'conflict'>;
  /** The deleted document, understood or not. Resolves as `replace` does. */
  remove(id: string, ifRevision?: number): Promise<Schedule | NotUnderstood | null | 'conflict'>;
}
