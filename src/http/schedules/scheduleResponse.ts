/** What the endpoints of one schedule share: its id in the path, the stored schedule, and the response with it. */
import type { Context } from 'hono';
import { isRunOf, type Run } from '../../domain/runs/run.ts';
import { isUnderstood, type NotUnderstood, type Schedule } from '../../domain/schedules/schedule.ts';
import type { ListedSchedule } from '../../domain/schedules/listing.ts';
import { short } from '../../domain/shared/text.ts';
import type { RouteDeps } from '../shared/api.ts';
import { Problem } from '../shared/problem.ts';
import { encodeJson } from '../shared/responses.ts';
import { scheduleView } from '../shared/views.ts';

/** Reads the last run of a schedule, null when it has none. */
export function lastRunReader({ store: { runs } }: RouteDeps): (schedule: Schedule) => Promise<Run | null> {
  return async (schedule) => (await runs.latest([schedule])).get(schedule.id) ?? null;
}

/** Ids of those schedules that have had all their runs (`max_runs`). */
export async function exhaustedOf(
  { store: { runs } }: RouteDeps,
  schedules: readonly (Schedule | ListedSchedule)[],
): Promise<Set<string>> {
  const limited = schedules.filter(({ max_runs }) => max_runs !== undefined);
  if (limited.length === 0) return new Set();
  const claimed = await runs.claimed(limited);
  const isExhausted = ({ id, max_runs }: Schedule | ListedSchedule) =>
    (claimed.get(id) ?? 0) >= (max_runs ?? Infinity);
  return new Set(limited.filter(isExhausted).map(({ id }) => id));
}

/** What is shown of a schedule that has had all its runs. */
export const COMPLETED = { next_fire_at: null, completed: true };

/**
 * Responds with a schedule as stored now, and its revision as the ETag. `lastRun` was read before; it
 * is included only if it is a run of this schedule, not of an earlier one of the same id.
 */
export function scheduleResponse({ serverNowMs, responses }: RouteDeps) {
  return (
    c: Context,
    status: 200 | 201,
    schedule: Schedule,
    lastRun: Run | null,
    more: object = {},
  ): Response => {
    c.header('ETag', `"${schedule.revision}"`);
    const own = lastRun !== null && isRunOf(lastRun, schedule) ? lastRun : undefined;
    const bytes = encodeJson({ ...scheduleView(schedule, own, serverNowMs()), ...more });
    return c.req.method === 'GET' ? responses.send(c, bytes) : responses.sendCommitted(c, bytes, status);
  };
}

const MAX_ID_LENGTH = 1024;

/**
 * The schedule id in the path. A document stored by another program may have an id that the API would
 * refuse; this version then does not understand it, and can only show or delete it.
 */
export function scheduleId(c: Context): string {
  const id = c.req.param('id') ?? '';
  if (id.length > MAX_ID_LENGTH) throw unknownSchedule(id);
  return id;
}

export function unknownSchedule(id: string): Problem {
  return new Problem(404, `there is no schedule ${short(id, 128)}`);
}

/** The schedule; throws a `Problem`: 404 when there is none, 409 when this version does not understand it. */
export function present(id: string, schedule: Schedule | NotUnderstood | null): Schedule {
  if (schedule === null) throw unknownSchedule(id);
  if (isUnderstood(schedule)) return schedule;
  throw new Problem(
    409,
    `schedule ${
      JSON.stringify(id)
    } is not understood by this version, ${VERSION_ADVICE}: ${schedule.not_understood}`,
  );
}

const VERSION_ADVICE = 'and can only be read or deleted here; a replica of a newer version may understand it';
