import type { Context } from 'hono';
import { RUN_KEY, runCursor } from '../../domain/shared/cursor.ts';
import { parseInstant } from '../../domain/timing/instant.ts';
import { type Run, RUN_STATES, type RunState } from '../../domain/runs/run.ts';
import type { RunQuery } from '../../actors/runs/runStore.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { readBatches } from '../shared/lists.ts';
import { short } from '../../domain/shared/text.ts';
import { linkNext, readPage } from '../shared/paging.ts';
import { Problem } from '../shared/problem.ts';
import { scheduleId, unknownSchedule } from '../schedules/scheduleResponse.ts';
import { runView } from '../shared/views.ts';
import { presentRun, runIdOf } from './runResponse.ts';

/** Number of runs read at once. */
const BATCH = 250;

/** The endpoints that read runs. */
export function runRoutes({ store, responses }: RouteDeps): Route[] {
  const { schedules, runs } = store;

  /** The runs of a schedule outlive it: only an id that has neither a schedule nor a run is unknown. */
  async function isKnown(id: string): Promise<boolean> {
    if (await schedules.get(id)) return true;
    return (await runs.list({ scheduleId: id, limit: 1, cursor: null })).items.length > 0;
  }

  async function listOfSchedule(c: Context): Promise<Response> {
    const id = scheduleId(c);
    const { bytes, nextCursor, count } = await read({ scheduleId: id, ...readRunQuery(c) });
    if (count === 0 && !(await isKnown(id))) throw unknownSchedule(id);
    linkNext(c, 'cursor', nextCursor);
    return responses.send(c, bytes);
  }

  const read = (query: RunQuery) =>
    responses.buildList(() =>
      readBatches<Run>({
        ...query,
        batch: BATCH,
        read: (limit, cursor) => runs.list({ ...query, limit, cursor }),
        views: (items) => items.map(runView),
        cursorOf: runCursor,
      })
    );

  async function list(c: Context): Promise<Response> {
    const scheduleId = c.req.query('schedule_id');
    const query = { ...readRunQuery(c, ['schedule_id']), ...(scheduleId && { scheduleId }) };
    const { bytes, nextCursor } = await read(query);
    linkNext(c, 'cursor', nextCursor);
    return responses.send(c, bytes);
  }

  async function get(c: Context): Promise<Response> {
    return c.json(runView(await presentRun({ store }, runIdOf(c))));
  }

  return [
    {
      method: 'GET',
      path: '/schedules/{id}/runs',
      summary: 'list the runs of a schedule, newest first',
      handler: listOfSchedule,
    },
    { method: 'GET', path: '/runs', summary: 'list the runs of all schedules, newest first', handler: list },
    { method: 'GET', path: '/runs/{id}', summary: 'show a run', handler: get },
  ];
}

/** The page and the filters of a list of runs; `others` are further parameters of that list. */
function readRunQuery(c: Context, others: readonly string[] = []) {
  const from = readInstant(c, 'from');
  const to = readInstant(c, 'to');
  return {
    ...readPage(c, RUN_KEY, ['state', 'from', 'to', ...others]),
    ...readStates(c),
    ...(from && { from }),
    ...(to && { to }),
  };
}

function readInstant(c: Context, name: string): Date | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  try {
    return new Date(parseInstant(text));
  } catch (error) {
    throw new Problem(400, `${name}: ${(error as Error).message}`);
  }
}

/** The filter `state=failed,timed_out`. */
function readStates(c: Context): { states?: RunState[] } {
  const text = c.req.query('state');
  if (text === undefined) return {};
  const states = text.split(',').map((name) => name.trim());
  for (const name of states) {
    if (!(RUN_STATES as readonly string[]).includes(name)) {
      const known = RUN_STATES.join(', ');
      throw new Problem(400, `state: ${short(name)} is not a state of a run; there are ${known}`);
    }
  }
  return { states: states as RunState[] };
}
