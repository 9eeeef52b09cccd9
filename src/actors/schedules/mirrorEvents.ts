import type { Watermark } from '../../domain/leadership/watermark.ts';
import type { NotUnderstood, Schedule } from '../../domain/schedules/schedule.ts';
import type { ScheduleChange } from './scheduleFeed.ts';

/** A change that the mirror passes on. */
export type MirrorChange = Exclude<ScheduleChange, { kind: 'invalidated' }>;

/** From the mirror. */
export type MirrorEvent =
  /** A fresh snapshot. `mark`: the lease's watermark before the snapshot was read. */
  | { type: 'MIRROR.LOADED'; schedules: Schedule[]; notUnderstood: NotUnderstood[]; mark: Watermark }
  | { type: 'MIRROR.CHANGED'; change: MirrorChange }
  /** Every change effective at or before this server time (epoch ms) was passed on. */
  | { type: 'MIRROR.PROGRESS'; throughMs: number };
