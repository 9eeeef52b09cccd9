/** Backfills: runs of a schedule's occurrences in a range of the past. */
import type { Context } from 'hono';
import type { Backfill } from '../../domain/runs/backfill.ts';
import { backfillOf, MAX_BACKFILLED } from '../../domain/runs/backfill.ts';
import { backfillProblems, parseBackfill } from '../../domain/runs/backfillRequest.ts';
import { parseNothing } from '../../domain/schedules/commands.ts';
import { isUnderstood, type NotUnderstood } from '../../domain/schedules/schedule.ts';
import { backfillCursor, RUN_KEY } from '../../domain/shared/cursor.ts';
import { short } from '../../domain/shared/text.ts';
import { MAX_RUNNING } from '../../actors/runs/backfillStore.ts';
import { advanceBackfill } from '../../actors/runs/backfilling.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { readCommand } from '../shared/body.ts';
import { readBatches } from '../shared/lists.ts';
import { linkNext, readPage } from '../shared/paging.ts';
import { invalidBody, Problem } from '../shared/problem.ts';
import { backfillView } from '../shared/views.ts';
import { present, scheduleId, unknownSchedule } from '../schedules/scheduleResponse.ts';

/** Number of backfills read at once. */
const BATCH = 100;

export function backfillRoutes(deps: RouteDeps): Route[] {
  const { store: { schedules, backfills }, serverNowMs, random, responses, logger } = deps;

  async function create(c: Context): Promise<Response> {
    const request = await readCommand(c, parseBackfill);
    const problems = backfillProblems(request, serverNowMs());
    if (problems.length > 0) throw invalidBody(problems);
    const id = scheduleId(c);
    const backfill = backfillOf(present(id, await schedules.get(id)), request, random.uuid(), serverNowMs());
    if (backfill.total > MAX_BACKFILLED) throw tooMany(backfill);
    if (request.dry_run) {
      return c.json({ total: backfill.total, already_run: await backfills.alreadyRun(backfill) });
    }
    const created = await backfills.create(backfill);
    if (created === 'gone') throw unknownSchedule(id);
    if (created === 'full') {
      throw new Problem(
        409,
        `${MAX_RUNNING} backfills are running, and that is the limit: wait for one to end, or cancel one`,
      );
    }
    begin(backfill);
    c.header('Location', `/backfills/${backfill.id}`);
    return c.json(backfillView(backfill, 0), 201);
  }

  /** Not awaited: it is stored, and the leader continues it in any case. */
  function begin({ id }: Backfill): void {
    advanceBackfill(backfills, id).catch((error: Error) =>
      logger.warn('a backfill could not begin at once; the leader will continue it', { backfill: id, error })
    );
  }

  async function views(items: readonly Backfill[]) {
    const open = await backfills.openRuns(items.map(({ id }) => id));
    return items.map((backfill) => backfillView(backfill, open.get(backfill.id) ?? 0));
  }

  async function list(c: Context): Promise<Response> {
    const id = scheduleId(c);
    const query = { scheduleId: id, ...readPage(c, RUN_KEY) };
    const { bytes, nextCursor, count } = await responses.buildList(() =>
      readBatches<Backfill>({
        ...query,
        batch: BATCH,
        read: (limit, cursor) => backfills.list({ ...query, limit, cursor }),
        views,
        cursorOf: backfillCursor,
      })
    );
    // They outlive their schedule.
    if (count === 0 && await schedules.get(id) === null) throw unknownSchedule(id);
    linkNext(c, 'cursor', nextCursor);
    return responses.send(c, bytes);
  }

  async function get(c: Context): Promise<Response> {
    const id = c.req.param('id') ?? '';
    return c.json((await views([known(id, await backfills.get(id))]))[0]);
  }

  async function cancel(c: Context): Promise<Response> {
    await readCommand(c, parseNothing);
    const id = c.req.param('id') ?? '';
    const found = await backfills.cancel(id);
    const isFound = found !== null && 'backfill' in found;
    const backfill = known(id, isFound ? found.backfill : found);
    if (!isFound || !found.isNew) {
      throw new Problem(409, `backfill ${short(id, 256)} has ended already: it is ${backfill.state}`);
    }
    return c.json((await views([backfill]))[0]);
  }

  return [
    {
      method: 'POST',
      path: '/schedules/{id}/backfills',
      summary: "run a schedule's occurrences in a range of the past",
      handler: create,
    },
    {
      method: 'GET',
      path: '/schedules/{id}/backfills',
      summary: 'list the backfills of a schedule, newest first',
      handler: list,
    },
    { method: 'GET', path: '/backfills/{id}', summary: 'show a backfill and its progress', handler: get },
    {
      method: 'POST',
      path: '/backfills/{id}/cancel',
      summary: 'cancel a backfill and its open runs',
      handler: cancel,
    },
  ];
}

function tooMany({ total, from, to }: Backfill): Problem {
  const range = `from ${from.toISOString()} to ${to.toISOString()}`;
  const detail =
    `to: the schedule has ${total} occurrences ${range}, and a backfill has at most ${MAX_BACKFILLED}: write a ` +
    'shorter range, and backfill the rest afterwards';
  return invalidBody([{ pointer: '/to', detail }]);
}

/** Throws a `Problem`: 404 when there is none, 503 when this version does not understand it. */
function known(id: string, backfill: Backfill | NotUnderstood | null): Backfill {
  if (backfill === null) throw new Problem(404, `there is no backfill ${short(id, 256)}`);
  if (isUnderstood(backfill)) return backfill;
  throw new Problem(
    503,
    `backfill ${short(id, 256)} is not understood by this version: ${backfill.not_understood}`,
  );
}
