import type { Context } from 'hono';
import { localTime, zoneNameOf } from '../../domain/timing/localTime.ts';
import { occurrencesBetween, type Timed } from '../../domain/timing/occurrences.ts';
import { LAST_INSTANT_MS } from '../../domain/timing/instant.ts';
import { owesFromMs } from '../../domain/firing/owed.ts';
import type { ScheduleSpec } from '../../domain/schedules/schedule.ts';
import { isObject, parseScheduleSpec, type Problem as FieldProblem } from '../../domain/schedules/spec.ts';
import type { ApiDeps, Route } from '../shared/api.ts';
import { readJson } from '../shared/body.ts';
import { refuseUnknown, wholeNumber } from '../shared/paging.ts';
import { invalidBody } from '../shared/problem.ts';
import { present, scheduleId } from './scheduleResponse.ts';

const DEFAULT_COUNT = 5;
const MAX_COUNT = 100;

/** The endpoints that compute the next fire times of a schedule, stored or not. None come before the end of a pause. */
export function occurrenceRoutes({ store, serverNowMs }: ApiDeps): Route[] {
  async function preview(c: Context): Promise<Response> {
    const nowMs = serverNowMs();
    const body = await readJson(c);
    const { count = DEFAULT_COUNT, ...rest } = isObject(body) ? body : {};
    const parsed = parseScheduleSpec(isObject(body) ? rest : body);
    const problems = [...(parsed.ok ? [] : parsed.problems), ...problemsOf(count)];
    if (!parsed.ok || problems.length > 0) throw invalidBody(problems);
    return c.json(upcoming({ ...parsed.spec, created_at: new Date(nowMs) }, nowMs, count as number));
  }

  async function ofSchedule(c: Context): Promise<Response> {
    const id = scheduleId(c);
    const count = readCount(c);
    const schedule = present(id, await store.schedules.get(id));
    // The corrected clock may be a little behind the server's, which stamped the definition.
    return c.json(upcoming(schedule, Math.max(serverNowMs(), schedule.effective_from.getTime()), count));
  }

  return [
    {
      method: 'POST',
      path: '/schedules/preview',
      summary: 'list when a schedule would fire, without creating it',
      changesNothing: true,
      handler: preview,
    },
    {
      method: 'GET',
      path: '/schedules/{id}/occurrences',
      summary: 'list when a schedule fires next',
      handler: ofSchedule,
    },
  ];
}

type Pausable = Pick<ScheduleSpec, 'paused' | 'pause_until'> & { effective_from?: Date };

function upcoming(schedule: Timed & Pausable, nowMs: number, count: number) {
  const zone = zoneNameOf(schedule);
  const fromMs = Math.max(nowMs, owesFromMs({ effective_from: new Date(nowMs), ...schedule }));
  const times = fromMs > LAST_INSTANT_MS ? [] : occurrencesBetween(schedule, fromMs, LAST_INSTANT_MS, count);
  return { occurrences: times.map((ms) => ({ at: new Date(ms), local: localTime(ms, zone), zone })) };
}

function problemsOf(count: unknown): FieldProblem[] {
  if (Number.isInteger(count) && (count as number) >= 1 && (count as number) <= MAX_COUNT) return [];
  return [{ pointer: '/count', detail: `count: write a whole number from 1 to ${MAX_COUNT}` }];
}

function readCount(c: Context): number {
  refuseUnknown(c, ['count']);
  return wholeNumber('count', c.req.query('count') ?? String(DEFAULT_COUNT), 1, MAX_COUNT);
}
