import type { Context } from 'hono';
import { scheduleCursor } from '../../domain/shared/cursor.ts';
import type { ListedSchedule } from '../../domain/schedules/listing.ts';
import { isRunOf, type Run } from '../../domain/runs/run.ts';
import { isUnderstood, type NotUnderstood, type Schedule } from '../../domain/schedules/schedule.ts';
import { parseScheduleSpec } from '../../domain/schedules/spec.ts';
import { encodeJson } from '../shared/responses.ts';
import { capacityCheck } from './capacity.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { short } from '../../domain/shared/text.ts';
import { readJson } from '../shared/body.ts';
import { readBatches } from '../shared/lists.ts';
import { linkNext } from '../shared/paging.ts';
import { invalidBody, Problem } from '../shared/problem.ts';
import { readScheduleQuery } from './scheduleQuery.ts';
import { scheduleView } from '../shared/views.ts';

/** Number of schedules read at once: each may have 100 KB. */
const BATCH = 50;

/** Revisions start at 1. */
const NO_REVISION = 0;

/** The endpoints that read and write schedules. A change is acknowledged once every claim respects it (G4). */
export function scheduleRoutes(deps: RouteDeps): Route[] {
  const { store: { schedules, runs }, serverNowMs, random, responses } = deps;
  const respond = scheduleResponse(deps);
  const requireRoom = capacityCheck(deps);

  async function create(c: Context): Promise<Response> {
    const { spec, id = random.uuid() } = await readSpec(c);
    requireRoom({ id, spec, isNew: true });
    const schedule = await schedules.create(id, spec);
    if (schedule === 'conflict') throw new Problem(409, `a schedule ${JSON.stringify(id)} exists already`);
    c.header('Location', `/schedules/${id}`);
    // A new schedule has no run yet.
    return respond(c, 201, schedule, null);
  }

  async function list(c: Context): Promise<Response> {
    const { query, recentRuns } = readScheduleQuery(c);
    const views = async (items: readonly (ListedSchedule | NotUnderstood)[]) => {
      const known = items.filter(isUnderstood);
      const [latest, recent] = await Promise.all([
        runs.latest(known),
        recentRuns > 0 ? runs.recent(known, recentRuns) : null,
      ]);
      const nowMs = serverNowMs();
      return items.map((schedule) =>
        isUnderstood(schedule)
          ? {
            ...scheduleView(schedule, latest.get(schedule.id), nowMs),
            ...(recent && { recent_runs: recent.get(schedule.id) ?? [] }),
          }
          : schedule
      );
    };
    const [{ bytes, nextCursor }, total] = await responses.buildList(() =>
      Promise.all([
        readBatches({
          ...query,
          batch: BATCH,
          read: (limit, cursor) => schedules.list({ ...query, limit, cursor }, serverNowMs()),
          views,
          cursorOf: scheduleCursor,
        }),
        schedules.count(query),
      ])
    );
    linkNext(c, 'cursor', nextCursor);
    c.header('X-Total-Count', String(total));
    return responses.send(c, bytes);
  }

  async function get(c: Context): Promise<Response> {
    const id = scheduleId(c);
    const stored = await schedules.get(id);
    if (stored !== null && !isUnderstood(stored)) return c.json(stored);
    const schedule = present(id, stored);
    return respond(c, 200, schedule, await lastRun(schedule));
  }

  async function replace(c: Context): Promise<Response> {
    const id = scheduleId(c);
    const ifRevision = readIfMatch(c);
    const body = await readSpec(c);
    if (body.id !== undefined && body.id !== id) {
      const detail = `id: ${JSON.stringify(body.id)} is not the id in the path, ${
        JSON.stringify(id)
      }; an id can't change`;
      throw invalidBody([{ pointer: '/id', detail }]);
    }
    requireRoom({ id, spec: body.spec, isNew: false });
    const latest = await lastRunOf(id);
    return respond(c, 200, changed(id, await schedules.replace(id, body.spec, ifRevision)), latest);
  }

  async function remove(c: Context): Promise<Response> {
    const id = scheduleId(c);
    const ifRevision = readIfMatch(c);
    const before = await schedules.get(id);
    const latest = before !== null && isUnderstood(before) ? await lastRun(before) : null;
    const removed = await schedules.remove(id, ifRevision);
    if (removed !== null && removed !== 'conflict' && !isUnderstood(removed)) return c.json(removed);
    return respond(c, 200, changed(id, removed), latest, { next_fire_at: null, completed: true });
  }

  const lastRun = lastRunReader(deps);
  /** Called before a change: once that is committed, its response must not depend on another read. */
  const lastRunOf = async (id: string) => await lastRun(present(id, await schedules.get(id)));

  return [
    { method: 'POST', path: '/schedules', summary: 'create a schedule', handler: create },
    { method: 'GET', path: '/schedules', summary: 'list the schedules', handler: list },
    { method: 'GET', path: '/schedules/{id}', summary: 'show a schedule', handler: get },
    { method: 'PUT', path: '/schedules/{id}', summary: 'replace a schedule', handler: replace },
    { method: 'DELETE', path: '/schedules/{id}', summary: 'delete a schedule', handler: remove },
  ];
}

/** Reads the last run of a schedule, null when it has none. */
export function lastRunReader({ store: { runs } }: RouteDeps): (schedule: Schedule) => Promise<Run | null> {
  return async (schedule) => (await runs.latest([schedule])).get(schedule.id) ?? null;
}

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

function changed(id: string, result: Schedule | NotUnderstood | null | 'conflict'): Schedule {
  if (result === 'conflict') {
    throw new Problem(
      412,
      `schedule ${JSON.stringify(id)} has another revision than the one in If-Match; get it again`,
    );
  }
  return present(id, result);
}

async function readSpec(c: Context) {
  const parsed = parseScheduleSpec(await readJson(c));
  if (!parsed.ok) throw invalidBody(parsed.problems);
  return parsed;
}

/**
 * The revision in If-Match; undefined when any is accepted. A weak or foreign tag matches no revision
 * (RFC 9110, 13.1.1).
 */
function readIfMatch(c: Context): number | undefined {
  const header = c.req.header('if-match')?.trim();
  if (header === undefined || header === '*') return undefined;
  const tag = /^(W\/)?"([^",]*)"$/.exec(header);
  if (!tag) {
    throw new Problem(
      400,
      `If-Match: ${header.slice(0, 40)} is not one ETag; write it as received, in quotes, such as "3", or *`,
    );
  }
  return tag[1] === undefined && /^\d{1,15}$/.test(tag[2] ?? '') ? Number(tag[2]) : NO_REVISION;
}
