import type { Watermark } from '../../domain/leadership/lease.ts';
import type { NotUnderstood, Schedule } from '../../domain/schedules/schedule.ts';
import type { ScheduleChange } from './scheduleFeed.ts';

/** From the mirror. */
export type MirrorEvent =
  /** A fresh snapshot. `mark` was in the lease before it was read. */
  | { type: 'MIRROR.LOADED'; schedules: Schedule[]; notUnderstood: NotUnderstood[]; mark: Watermark }
  | { type: 'MIRROR.CHANGED'; change: Exclude<ScheduleChange, { kind: 'invalidated' }> }
  /** Every change that took effect at or before this server time has been told. */
  | { type: 'MIRROR.PROGRESS'; throughMs: number };
