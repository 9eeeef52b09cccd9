import type { Context } from 'hono';
import { isUnderstood, type NotUnderstood, type Schedule } from '../../domain/schedules/schedule.ts';
import { parseScheduleSpec } from '../../domain/schedules/spec.ts';
import { capacityCheck } from './capacity.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { readJson } from '../shared/body.ts';
import { invalidBody, Problem } from '../shared/problem.ts';
import { scheduleListRoute } from './scheduleList.ts';
import {
  COMPLETED,
  exhaustedOf,
  lastRunReader,
  present,
  scheduleId,
  scheduleResponse,
} from './scheduleResponse.ts';

/** Revisions start at 1. */
const NO_REVISION = 0;

/** The endpoints that read and write schedules. A change is acknowledged once every claim respects it (G4). */
export function scheduleRoutes(deps: RouteDeps): Route[] {
  const { store: { schedules }, random } = deps;
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

  async function get(c: Context): Promise<Response> {
    const id = scheduleId(c);
    const stored = await schedules.get(id);
    if (stored !== null && !isUnderstood(stored)) return c.json(stored);
    const schedule = present(id, stored);
    const [latest, exhausted] = await Promise.all([lastRun(schedule), exhaustedOf(deps, [schedule])]);
    return respond(c, 200, schedule, latest, exhausted.has(id) ? COMPLETED : {});
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
    scheduleListRoute(deps),
    { method: 'GET', path: '/schedules/{id}', summary: 'show a schedule', handler: get },
    { method: 'PUT', path: '/schedules/{id}', summary: 'replace a schedule', handler: replace },
    { method: 'DELETE', path: '/schedules/{id}', summary: 'delete a schedule', handler: remove },
  ];
}

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
