import type { Context } from 'hono';
import { isUnderstood, type NotUnderstood, type Schedule } from '../domain/schedule.ts';
import { parseScheduleSpec } from '../domain/spec.ts';
import { short } from '../domain/text.ts';
import type { ApiDeps, Route } from './api.ts';
import { readJson } from './body.ts';
import { linkNext } from './paging.ts';
import { invalidBody, Problem } from './problem.ts';
import { readScheduleQuery } from './scheduleQuery.ts';
import { scheduleView } from './views.ts';

/** Revisions start at 1. */
const NO_REVISION = 0;

/** The endpoints that read and write schedules. A change is answered once it is in force everywhere (G4). */
export function scheduleRoutes(deps: ApiDeps): Route[] {
  const { store: { schedules, runs }, serverNowMs, random } = deps;
  const answer = scheduleAnswer(deps);

  async function create(c: Context): Promise<Response> {
    const { spec, id = random.uuid() } = await readSpec(c);
    const schedule = await schedules.create(id, spec);
    if (schedule === 'conflict') throw new Problem(409, `a schedule ${JSON.stringify(id)} exists already`);
    c.header('Location', `/schedules/${id}`);
    return answer(c, 201, schedule);
  }

  async function list(c: Context): Promise<Response> {
    const { query, recentRuns } = readScheduleQuery(c);
    const page = await schedules.list(query);
    const ids = page.items.map(({ id }) => id);
    const [latest, recent] = await Promise.all([
      runs.latest(ids),
      recentRuns > 0 ? runs.recent(ids, recentRuns) : null,
    ]);
    const nowMs = serverNowMs();
    linkNext(c, page.nextCursor);
    c.header('X-Total-Count', String(page.total));
    return c.json(page.items.map((schedule) =>
      isUnderstood(schedule)
        ? {
          ...scheduleView(schedule, latest.get(schedule.id), nowMs),
          ...(recent && { recent_runs: recent.get(schedule.id) ?? [] }),
        }
        : schedule
    ));
  }

  async function get(c: Context): Promise<Response> {
    const id = scheduleId(c);
    const stored = await schedules.get(id);
    return stored !== null && !isUnderstood(stored) ? c.json(stored) : answer(c, 200, present(id, stored));
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
    return answer(c, 200, changed(id, await schedules.replace(id, body.spec, ifRevision)));
  }

  async function remove(c: Context): Promise<Response> {
    const id = scheduleId(c);
    const removed = await schedules.remove(id, readIfMatch(c));
    if (removed !== null && removed !== 'conflict' && !isUnderstood(removed)) return c.json(removed);
    const schedule = changed(id, removed);
    const latest = await runs.latest([id]);
    return c.json({ ...scheduleView(schedule, latest.get(id), serverNowMs()), next_fire_at: null });
  }

  return [
    { method: 'POST', path: '/schedules', summary: 'create a schedule', handler: create },
    { method: 'GET', path: '/schedules', summary: 'list the schedules', handler: list },
    { method: 'GET', path: '/schedules/{id}', summary: 'show a schedule', handler: get },
    { method: 'PUT', path: '/schedules/{id}', summary: 'replace a schedule', handler: replace },
    { method: 'DELETE', path: '/schedules/{id}', summary: 'delete a schedule', handler: remove },
  ];
}

/** Answers with a schedule as it is stored now, and its revision as the ETag. */
export function scheduleAnswer({ store: { runs }, serverNowMs }: ApiDeps) {
  return async (c: Context, status: 200 | 201, schedule: Schedule): Promise<Response> => {
    c.header('ETag', `"${schedule.revision}"`);
    const latest = await runs.latest([schedule.id]);
    return c.json(scheduleView(schedule, latest.get(schedule.id), serverNowMs()), status);
  };
}

/** The schedule id in the path. One that no schedule can have is as unknown as any other. */
export function scheduleId(c: Context): string {
  const id = c.req.param('id') ?? '';
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(id)) throw unknownSchedule(id);
  return id;
}

export function unknownSchedule(id: string): Problem {
  return new Problem(404, `there is no schedule ${short(id, 128)}`);
}

/** The schedule, if there is one that this version understands. */
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

const VERSION_ADVICE =
  'and can only be shown or deleted here; a replica of a newer version may understand it';

function changed(id: string, result: Schedule | NotUnderstood | null | 'conflict'): Schedule {
  if (result === 'conflict') {
    throw new Problem(
      412,
      `schedule ${JSON.stringify(id)} has another revision than If-Match says; get it again`,
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
 * The revision that If-Match asks for; undefined when any will do. A weak or foreign tag matches no revision
 * (RFC 9110, 13.1.1).
 */
function readIfMatch(c: Context): number | undefined {
  const header = c.req.header('if-match')?.trim();
  if (header === undefined || header === '*') return undefined;
  const tag = /^(W\/)?"([^",]*)"$/.exec(header);
  if (!tag) {
    throw new Problem(
      400,
      `If-Match: ${
        header.slice(0, 40)
      } is not one ETag; write it as it was sent, in quotes, such as "3", or *`,
    );
  }
  return tag[1] === undefined && /^\d{1,15}$/.test(tag[2] ?? '') ? Number(tag[2]) : NO_REVISION;
}
