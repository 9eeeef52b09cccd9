import type { Context } from 'hono';
import { parseNothing, parsePause, parseTrigger } from '../../domain/schedules/commands.ts';
import { manualRun } from '../../domain/runs/request.ts';
import type { Run } from '../../domain/runs/run.ts';
import { type Schedule, type ScheduleSpec, specOf } from '../../domain/schedules/schedule.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { readCommand } from '../shared/body.ts';
import { invalidBody, Problem } from '../shared/problem.ts';
import { lastRunReader, present, scheduleId, scheduleResponse, unknownSchedule } from './scheduleResponse.ts';

/** Compare-and-set retries under contention. */
const TRIES = 10;

/** The commands on a schedule: pause, resume and trigger. */
export function commandRoutes(deps: RouteDeps): Route[] {
  const { schedules, runs } = deps.store;
  const respond = scheduleResponse(deps);
  const change = scheduleChanger(deps);

  /** What a request leaves out stays as it is. */
  async function pause(c: Context): Promise<Response> {
    const { reason, until } = await readCommand(c, parsePause);
    if (until !== undefined) requireFuture(until, deps.serverNowMs());
    const changed = await change(scheduleId(c), (found) => {
      const spec = specOf(found);
      const isSame = (reason === undefined || reason === spec.pause_reason) &&
        (until === undefined || until.getTime() === spec.pause_until?.getTime());
      if (spec.paused && isSame) return null;
      return {
        ...spec,
        paused: true,
        ...(reason !== undefined && { pause_reason: reason }),
        ...(until !== undefined && { pause_until: until }),
      };
    });
    return respond(c, 200, ...changed);
  }

  async function resume(c: Context): Promise<Response> {
    await readCommand(c, parseNothing);
    const changed = await change(scheduleId(c), (found) => {
      const { pause_reason: _reason, pause_until: _until, ...spec } = specOf(found);
      return spec.paused ? { ...spec, paused: false } : null;
    });
    return respond(c, 200, ...changed);
  }

  async function trigger(c: Context): Promise<Response> {
    const { overlap } = await readCommand(c, parseTrigger);
    const id = scheduleId(c);
    const schedule = present(id, await schedules.get(id));
    const run = manualRun(schedule, deps.serverNowMs(), deps.random.uuid().slice(0, 8), overlap);
    if (!await runs.request(run)) throw unknownSchedule(schedule.id);
    c.header('Location', `/runs/${run.id}`);
    return c.json({ run_ids: [run.id] }, 202);
  }

  return [
    {
      method: 'POST',
      path: '/schedules/{id}/pause',
      summary: 'pause a schedule: it owes nothing from now on',
      handler: pause,
    },
    {
      method: 'POST',
      path: '/schedules/{id}/resume',
      summary: 'resume a schedule; paused time is never caught up',
      handler: resume,
    },
    {
      method: 'POST',
      path: '/schedules/{id}/trigger',
      summary: 'run a schedule once now, paused or not',
      handler: trigger,
    },
  ];
}

function requireFuture(until: Date, nowMs: number): void {
  if (until.getTime() > nowMs) return;
  const now = new Date(nowMs).toISOString();
  const detail = `until: ${until.toISOString()} is not in the future: it is ${now} now; write a later time`;
  throw invalidBody([{ pointer: '/until', detail }]);
}

/**
 * Changes a schedule from its current revision, also under contention. Null from `edit` changes
 * nothing. The last run is read before: once the change is committed, the response must not depend on
 * another read.
 */
function scheduleChanger(deps: RouteDeps) {
  const { schedules } = deps.store;
  const lastRun = lastRunReader(deps);
  return async (
    id: string,
    edit: (found: Schedule) => ScheduleSpec | null,
  ): Promise<[Schedule, Run | null]> => {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = present(id, await schedules.get(id));
      const spec = edit(found);
      const latest = await lastRun(found);
      if (spec === null) return [found, latest];
      const changed = await schedules.replace(id, spec, found.revision);
      if (changed !== 'conflict') return [present(id, changed), latest];
    }
    throw new Problem(409, `schedule ${JSON.stringify(id)} is being changed concurrently; try again`);
  };
}
