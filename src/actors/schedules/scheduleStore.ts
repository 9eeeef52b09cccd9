import type { Page } from '../shared/page.ts';
import type { ListedSchedule } from '../../domain/schedules/listing.ts';
import type { NotUnderstood, Schedule, ScheduleSpec } from '../../domain/schedules/schedule.ts';

/** Which schedules: those that fit all that is given. */
export interface ScheduleFilter {
  /** Part of the id or the name, in any case. */
  q?: string;
  type?: Schedule['type'];
  /** It has all of these. */
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
  /** Ordered by id. `nowMs`: server time, from which next moments are told. */
  list(query: ScheduleQuery, nowMs: number): Promise<Page<ListedSchedule | NotUnderstood>>;
  count(filter: ScheduleFilter): Promise<number>;
  /** 'conflict' when the id is taken. */
  create(id: string, spec: ScheduleSpec): Promise<Schedule | 'conflict'>;
  /**
   * Replaces the definition; null when there is none of that id, 'conflict' when `ifRevision` is given and
   * another one is stored, what is stored when it is not understood: then nothing is changed. A definition that
   * is equal to the stored one makes no revision, and one with the same timing supersedes nothing
   * (scheduleChange.ts). Resolves only when no claim of the old definition can commit any more (G4): a claim in
   * flight is waited for, a later one finds the new revision. Rejects with `ChangeDeclined` when it would carry
   * more superseded definitions than it may.
   */
  replace(
    id: string,
    spec: ScheduleSpec,
    ifRevision?: number,
  ): Promise<Schedule | NotUnderstood | null | 'conflict'>;
  /** What was deleted, understood or not. Resolves as `replace` does. */
  remove(id: string, ifRevision?: number): Promise<Schedule | NotUnderstood | null | 'conflict'>;
}
