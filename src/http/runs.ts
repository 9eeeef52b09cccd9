import type { Context } from 'hono';
import { parseInstant } from '../domain/instant.ts';
import { RUN_STATES, type RunState } from '../domain/run.ts';
import type { ApiDeps, Route } from './api.ts';
import { linkNext, readPage } from './paging.ts';
import { Problem } from './problem.ts';
import { scheduleId, unknownSchedule } from './schedules.ts';
import { runView } from './views.ts';

/** The endpoints that read the records of runs. */
export function runRoutes({ store }: ApiDeps): Route[] {
  const { schedules, runs } = store;

  /** The runs of a schedule outlive it: only an id that has neither a schedule nor a run is unknown. */
  async function isKnown(id: string): Promise<boolean> {
    if (await schedules.get(id)) return true;
    return (await runs.latest([id])).size > 0;
  }

  async function listOfSchedule(c: Context): Promise<Response> {
    const id = scheduleId(c);
    const page = await runs.list({ scheduleId: id, ...readRunQuery(c) });
    if (page.items.length === 0 && !(await isKnown(id))) throw unknownSchedule(id);
    linkNext(c, page.nextCursor);
    return c.json(page.items.map(runView));
  }

  async function list(c: Context): Promise<Response> {
    const scheduleId = c.req.query('schedule_id');
    const page = await runs.list({ ...readRunQuery(c, ['schedule_id']), ...(scheduleId && { scheduleId }) });
    linkNext(c, page.nextCursor);
    return c.json(page.items.map(runView));
  }

  async function get(c: Context): Promise<Response> {
    const id = c.req.param('id') ?? '';
    const run = await runs.get(id);
    if (run === null) throw new Problem(404, `there is no run ${JSON.stringify(id.slice(0, 256))}`);
    if ('not_understood' in run) {
      const detail = `run ${
        JSON.stringify(id)
      } is stored, and not understood by this version: ${run.not_understood}`;
      throw new Problem(503, detail);
    }
    return c.json(runView(run));
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

/** The page and the filters of a list of runs, which may have others as well. */
function readRunQuery(c: Context, others: readonly string[] = []) {
  const from = readInstant(c, 'from');
  const to = readInstant(c, 'to');
  return {
    ...readPage(c, ['state', 'from', 'to', ...others]),
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
      throw new Problem(400, `state: ${JSON.stringify(name)} is not a state of a run; there are ${known}`);
    }
  }
  return { states: states as RunState[] };
}
