/** Lists of runs: pages, and the newest runs of given schedules. */
import type { RunQuery, RunStore, ScheduleKey } from '../../../actors/runs/runStore.ts';
import type { Page } from '../../../actors/shared/page.ts';
import { decodeCursor, RUN_KEY, runCursor } from '../../../domain/shared/cursor.ts';
import { isRunOf, type Run, type RunSummary, summaryOf } from '../../../domain/runs/run.ts';
import { tallyId } from '../../runs/tallies.ts';
import type { Connection } from '../shared/connection.ts';
import type { Database } from '../shared/database.ts';

type RunKey = Pick<Run, 'scheduled_for' | 'id'>;

export function runLists(connection: Connection): Pick<RunStore, 'list' | 'latest' | 'claimed' | 'recent'> {
  const { db } = connection;
  return {
    list: (query) => connection.call('runs.list', () => pageOf(db, query)),

    latest: (of) =>
      connection.call('runs.latest', () => {
        const isOwn = ownRuns(of);
        const oldestFirst = db.runs().filter(isOwn).sort(newestFirst).reverse();
        return new Map(oldestFirst.map((run) => [run.schedule_id, run]));
      }),

    claimed: (of) =>
      connection.call('runs.claimed', () =>
        new Map(of.flatMap(({ id, created_at }) => {
          const count = db.claimedRuns.get(tallyId(id, created_at));
          return count === undefined ? [] : [[id, count] as const];
        }))),

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

/** Whether a run belongs to one of these schedules. */
function ownRuns(of: readonly ScheduleKey[]): (run: Run) => boolean {
  const byId = new Map(of.map((schedule) => [schedule.id, schedule]));
  return (run) => {
    const schedule = byId.get(run.schedule_id);
    return schedule !== undefined && isRunOf(run, schedule);
  };
}

export function newestFirst(a: RunKey, b: RunKey): number {
  return b.scheduled_for.getTime() - a.scheduled_for.getTime() || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
