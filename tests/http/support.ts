import assert from 'node:assert/strict';
import type { Hono } from 'hono';
import type { Clock, Logger } from '../../src/actors/shared/environment.ts';
import type { Store } from '../../src/actors/store.ts';
import type { Grant } from '../../src/domain/leadership/lease.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import type { ApiDeps, Route, Status } from '../../src/http/shared/api.ts';
import { createApp } from '../../src/http/app.ts';
import { HostNames } from '../../src/domain/membership/hostNames.ts';
import { memoryDatabase } from '../../src/infra/memory/store.ts';
import { claimed } from '../support/runs.ts';
import { understood } from '../support/schedules.ts';

/** The time of every test's clock, and of the store's. */
export const NOW_MS = Date.UTC(2030, 0, 1);

export const HOURLY = { type: 'cron', definition: { cron_expression: '0 * * * *' } };

export interface TestApi {
  app: Hono;
  store: Store;
  log: { level: string; message: string; fields: Record<string, unknown> }[];
  /** Runs all timers. */
  fireTimers(): void;
}

/** The API over an empty memory store, with a stopped clock. */
export async function testApi(
  overrides: {
    status?: Status;
    store?: (store: Store) => ApiDeps['store'];
    serverNowMs?: number;
    more?: readonly Route[];
    onResponse?: NonNullable<ApiDeps['onResponse']>;
    hosts?: ApiDeps['hosts'];
    holding?: ApiDeps['holding'];
  } = {},
): Promise<TestApi> {
  const { clock, fireTimers } = stoppedClock();
  const store = memoryDatabase({ clock }).connect();
  await store.prepare();
  const log: TestApi['log'] = [];
  let ids = 0;
  const app = createApp({
    store: overrides.store ? overrides.store(store) : store,
    serverNowMs: () => overrides.serverNowMs ?? NOW_MS,
    random: { next: () => 0.5, uuid: () => `uuid-${++ids}` },
    clock,
    logger: recorder(log),
    replica: { id: 'replica-1', boot: 'boot-1', address: 'http://127.0.0.1:8081', version: '0.1.0' },
    ...(overrides.onResponse && { onResponse: overrides.onResponse }),
    hosts: overrides.hosts ?? anyHost(),
    holding: overrides.holding ?? (() => ({ schedules: 0, moments: 0, momentsOf: () => null })),
    limits: { schedules: 10, moments: 20_000 },
    status: () => overrides.status ?? { state: 'standing by', live: true, ready: true, reasons: [] },
  }, overrides.more);
  return { app, store, log, fireTimers };
}

/** The hosts of a replica that listens on all addresses. */
export function anyHost(doorSecret: string | null = null): ApiDeps['hosts'] {
  const names = new HostNames({ names: [], own: [] });
  names.listensAt('0.0.0.0');
  return { names, doorSecret };
}

function stoppedClock(): { clock: Clock; fireTimers(): void } {
  const timers = new Map<number, () => void>();
  let handles = 0;
  const clock: Clock = {
    now: () => NOW_MS,
    monotonic: () => 0,
    setTimeout: (fn) => {
      timers.set(++handles, fn);
      return handles;
    },
    clearTimeout: (handle) => void timers.delete(handle as number),
  };
  return { clock, fireTimers: () => timers.forEach((fn) => fn()) };
}

function recorder(log: TestApi['log']): Logger {
  const at = (level: string) => (message: string, fields: Record<string, unknown> = {}) => {
    log.push({ level, message, fields });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Sends a body as JSON (a string as it is). */
export function send(
  app: Hono,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return Promise.resolve(app.request(path, { method, body: text, headers }));
}

// deno-lint-ignore no-explicit-any
export async function json(response: Response | Promise<Response>): Promise<any> {
  return (await response).json();
}

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  errors?: { pointer: string; detail: string }[];
  reasons?: string[];
}

/** The problem in a response; fails when it is not a problem of that status. */
export async function problem(pending: Response | Promise<Response>, status: number): Promise<ProblemBody> {
  const response = await pending;
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const body = JSON.parse(text) as ProblemBody;
  assert.equal(body.status, status);
  assert.equal(body.type, 'about:blank');
  return body;
}

/** Makes a replica the leader for a minute. */
export async function lead(store: Store): Promise<Grant> {
  const candidate = { holder: 'replica-2', boot: 'boot-2', address: 'http://127.0.0.1:8082' };
  const won = await store.lease.acquire(candidate, 60_000, null);
  assert.ok(won);
  return { holder: candidate.holder, boot: candidate.boot, term: won.lease.term };
}

/** Records runs of a schedule, one for each of the moments, under the grant. */
export async function recordRuns(
  store: Store,
  grant: Grant,
  scheduleId: string,
  runs: readonly (Partial<Run> & { scheduled_for: Date })[],
): Promise<void> {
  const schedule = understood(await store.schedules.get(scheduleId));
  const mark = { claimedThroughMs: NOW_MS, mirroredThroughMs: NOW_MS };
  const result = await store.claims.claim({
    grant,
    durationMs: 60_000,
    requests: [{
      scheduleId,
      revision: schedule.revision,
      effectiveFrom: schedule.effective_from,
      owedFromMs: 0,
      maxRuns: null,
      runs: runs.map((run) => ({
        ...claimed(scheduleId, run.scheduled_for.getTime(), {
          executor: grant.holder,
          executor_boot: grant.boot,
          term: grant.term,
          claimed_at: new Date(NOW_MS),
        }),
        schedule_created_at: schedule.created_at,
        ...run,
      })),
    }],
    marks: { present: mark, settled: mark },
    mayBeClaimed: false,
    nowMs: NOW_MS,
  });
  assert.equal(result.kind === 'committed' && result.runs.length, runs.length);
}

/** When a record that ends now may be deleted. */
export const EXPIRE_AT = new Date(NOW_MS + 24 * 3_600_000);
