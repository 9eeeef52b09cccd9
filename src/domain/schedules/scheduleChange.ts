/**
 * What a new definition changes. Only a change of timing supersedes occurrences (G4). Any other
 * change applies to what is due and not yet claimed. Without a change there is no new revision.
 */
import { parseDuration } from '../timing/duration.ts';
import { type Schedule, type ScheduleSpec, specOf } from './schedule.ts';

export type ScheduleChangeKind = 'nothing' | 'timing' | 'rest';

export function changeOf(stored: Schedule, spec: ScheduleSpec): ScheduleChangeKind {
  if (!isSameTiming(stored, spec)) return 'timing';
  return isSame(specOf(stored), spec) ? 'nothing' : 'rest';
}

/** Whether both timings are equivalent in form: `60s` equals `1m`. */
function isSameTiming(a: ScheduleSpec, b: ScheduleSpec): boolean {
  return a.paused === b.paused && isSame(a.pause_until, b.pause_until) && isSame(a.start_at, b.start_at) &&
    isSame(a.end_at, b.end_at) &&
    isSameDefinition(a, b);
}

function isSameDefinition(a: ScheduleSpec, b: ScheduleSpec): boolean {
  if (a.type === 'duration' && b.type === 'duration') {
    return isSame(a.definition.anchor, b.definition.anchor) &&
      parseDuration(a.definition.interval) === parseDuration(b.definition.interval);
  }
  return a.type === b.type && isSame(a.definition, b.definition);
}

/** Deep equality, in any order of fields; an undefined field counts as absent. */
function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (a instanceof Date || b instanceof Date || Array.isArray(a) !== Array.isArray(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isSame(fieldOf(a, name), fieldOf(b, name)));
}

function fieldOf(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined;
}
