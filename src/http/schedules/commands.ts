import type { Context } from 'hono';
import { parseNothing, parsePause } from '../../domain/schedules/commands.ts';
import { manualRun, type Run } from '../../domain/runs/run.ts';
import { type Schedule, type ScheduleSpec, specOf } from '../../domain/schedules/schedule.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { readCommand } from '../shared/body.ts';
import { Problem } from '../shared/problem.ts';
import { lastRunReader, present, scheduleAnswer, scheduleId } from './schedules.ts';

/** Compare-and-set retries under contention. */
const TRIES = 10;

/** The endpoints that act on a schedule, beside writing its definition. */
export function commandRoutes(deps: RouteDeps): Route[] {
  const { schedules, runs } = deps.store;
  const answer = scheduleAnswer(deps);
  const lastRun = lastRunReader(deps);

  const get = async (id: string) => present(id, await schedules.get(id));

  /**
   * Changes the schedule from its present revision; null from `how` changes nothing. The last run is
   * read before: once the change is made, the answer must not depend on another read.
   */
  async function change(
    id: string,
    how: (found: Schedule) => ScheduleSpec | null,
  ): Promise<[Schedule, Run | null]> {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await get(id);
      const spec = how(found);
      const latest = await lastRun(found);
      if (spec === null) return [found, latest];
      const changed = await schedules.replace(id, spec, found.revision);
      if (changed !== 'conflict') return [present(id, changed), latest];
    }
    throw new Problem(
      409,
      `schedule ${JSON.stringify(id)} is being changed by others all the time; try again`,
    );
  }

  async function pause(c: Context): Promise<Response> {
    const { reason } = await readCommand(c, parsePause);
    const changed = await change(scheduleId(c), (found) => {
      const { pause_reason, ...spec } = specOf(found);
      if (spec.paused && (reason === undefined || reason === pause_reason)) return null;
      return { ...spec, paused: true, ...(reason !== undefined && { pause_reason: reason }) };
    });
    return answer(c, 200, ...changed);
  }

  async function resume(c: Context): Promise<Response> {
    await readCommand(c, parseNothing);
    const changed = await change(scheduleId(c), (found) => {
      const { pause_reason: _, ...spec } = specOf(found);
      return spec.paused ? { ...spec, paused: false } : null;
    });
    return answer(c, 200, ...changed);
  }

  async function trigger(c: Context): Promise<Response> {
    await readCommand(c, parseNothing);
    const schedule = await get(scheduleId(c));
    const run = manualRun(schedule, deps.serverNowMs(), deps.random.uuid().slice(0, 8));
    await runs.request(run);
    c.header('Location', `/runs/${run.id}`);
    return c.json({ run_ids: [run.id] }, 202);
  }

  return [
    {
      method: 'POST',
      path: '/schedules/{id}/pause',
      summary: 'let a schedule owe nothing from now on',
      handler: pause,
    },
    {
      method: 'POST',
      path: '/schedules/{id}/resume',
      summary: 'let it fire again; what it would have owed meanwhile stays undone',
      handler: resume,
    },
    {
      method: 'POST',
      path: '/schedules/{id}/trigger',
      summary: 'run it once now, paused or not',
      handler: trigger,
    },
  ];
}
