import type { RunQuery, RunStore, ScheduleKey } from '../../../actors/runs/runStore.ts';
import type { Page } from '../../../actors/shared/page.ts';
import { decodeCursor, RUN_KEY, runCursor } from '../../../domain/shared/cursor.ts';
import { adopted, adoptedBy, type Adopter, type Adoption } from '../../../domain/runs/adoption.ts';
import {
  isEndedBy,
  isHeld,
  isRunOf,
  isUnassigned,
  type Outcome,
  type Run,
  type RunSummary,
  summaryOf,
} from '../../../domain/runs/run.ts';
import type { Connection } from '../shared/connection.ts';
import type { Database } from '../shared/database.ts';
import { heartbeatAgeMs } from '../membership/presence.ts';

export function memoryRuns(connection: Connection): RunStore {
  const { db } = connection;
  return {
    list: (query) => connection.call('runs.list', () => pageOf(db, query)),

    get: (id) => connection.call('runs.get', () => db.run(id) ?? null),

    request: (run) =>
      connection.call('runs.request', () => {
        if (!db.run(run.id)) db.insertRun(run);
        for (const tell of [...db.leaseWatchers.keys()]) tell('request');
      }),

    latest: (of) =>
      connection.call('runs.latest', () => {
        const isOwn = ownRuns(of);
        const oldestFirst = db.runs().filter(isOwn).sort(newestFirst).reverse();
        return new Map(oldestFirst.map((run) => [run.schedule_id, run]));
      }),

    recent: (of, limit) =>
      connection.call('runs.recent', () => {
        const isOwn = ownRuns(of.filter(({ id }) => db.schedules.has(id)));
        const recent = new Map<string, RunSummary[]>();
        for (const run of db.runs().sort(newestFirst)) {
          if (!isOwn(run)) continue;
          const known = recent.get(run.schedule_id) ?? [];
          if (known.length < limit) recent.set(run.schedule_id, [...known, summaryOf(run)]);
        }
        return recent;
      }),

    record: (outcomes) =>
      connection.call('runs.record', () => {
        for (const outcome of outcomes) record(db, outcome);
        return outcomes.filter((outcome) => isEndedBy(db.run(outcome.run_id), outcome));
      }),

    orphans: (query) => connection.call('runs.orphans', () => orphans(db, query)),

    adopt: (adoptions, by) =>
      connection.call('runs.adopt', () => {
        for (const adoption of adoptions) adopt(db, adoption, by);
        return adoptedBy(adoptions, by, (id) => db.run(id));
      }),
  };
}

function pageOf(db: Database, { scheduleId, states, from, to, limit, cursor }: RunQuery): Page<Run> {
  const after = cursor === null ? null : decodeCursor(cursor, RUN_KEY);
  const runs = db.runs().filter((run) =>
    (scheduleId === undefined || run.schedule_id === scheduleId) &&
    (states === undefined || states.includes(run.state)) &&
    (from === undefined || run.scheduled_for >= from) && (to === undefined || run.scheduled_for < to) &&
    (after === null || newestFirst(run, { scheduled_for: new Date(after[0]), id: after[1] }) > 0)
  ).sort(newestFirst);
  const items = runs.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    nextCursor: last && runs.length > limit ? runCursor(last) : null,
  };
}

type OrphanQuery = Parameters<RunStore['orphans']>[0];

function orphans(
  db: Database,
  { exceptBoot, deadAfterMs, limit, exceptSchedules = [] }: OrphanQuery,
): Run[] {
  const except = new Set(exceptSchedules);
  const isAlive = (boot: string | null) => {
    const seen = boot === null ? undefined : db.replicas.get(boot)?.last_seen;
    return seen !== undefined && heartbeatAgeMs(db, seen) <= deadAfterMs;
  };
  return db.openRuns()
    .filter((run) =>
      run.executor_boot !== exceptBoot && !isAlive(run.executor_boot) && !except.has(run.schedule_id)
    )
    .sort((a, b) => Number(isUnassigned(b)) - Number(isUnassigned(a)) || newestFirst(b, a)).slice(
      0,
      limit,
    );
}

/** Whether a run belongs to one of these schedules. */
function ownRuns(of: readonly ScheduleKey[]): (run: Run) => boolean {
  const byId = new Map(of.map((schedule) => [schedule.id, schedule]));
  return (run) => {
    const schedule = byId.get(run.schedule_id);
    return schedule !== undefined && isRunOf(run, schedule);
  };
}

type RunKey = Pick<Run, 'scheduled_for' | 'id'>;

function newestFirst(a: RunKey, b: RunKey): number {
  return b.scheduled_for.getTime() - a.scheduled_for.getTime() || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

function record(db: Database, outcome: Outcome): void {
  const { run_id, schedule_id: _, attempt, executor_boot, ...end } = structuredClone(outcome);
  const run = db.run(run_id);
  if (!isHeld(run, { attempt, executor_boot })) return;
  Object.assign(run, end);
  db.emitIfEnded(run);
}

function adopt(db: Database, adoption: Adoption, by: Adopter): void {
  const run = db.run(adoption.run.id);
  if (!isHeld(run, adoption.run)) return;
  Object.assign(run, structuredClone(adopted(adoption, by)));
  db.emitIfEnded(run);
}
