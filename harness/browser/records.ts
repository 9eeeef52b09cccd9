/** Records that would take too long to produce: inserted in the form that a replica writes. */
import type { Db } from 'mongodb';
import { DEFAULT_WORK } from '../definitions.ts';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { mongoStore } from '../../src/infra/mongo/store.ts';
import { systemRandom } from '../../src/infra/machine/random.ts';

const STATES = ['succeeded', 'failed', 'timed_out', 'missed', 'skipped', 'abandoned'];

/** A document of the collection `runs`. */
export function runDoc(scheduleId: string, id: string, scheduledMs: number, state: string) {
  const isRun = !['missed', 'skipped'].includes(state);
  return {
    _id: id as never,
    schedule_id: scheduleId,
    schedule_revision: 1,
    scheduled_for: new Date(scheduledMs),
    trigger: 'schedule',
    state,
    reason: state === 'missed' ? 'catch_up_window' : state === 'abandoned' ? 'executor_lost' : null,
    attempt: isRun ? 1 : 0,
    executor: 'r1',
    executor_boot: '00000000-0000-4000-8000-000000000000',
    term: 1,
    claimed_at: new Date(scheduledMs + 4),
    claim_number: 1,
    started_at: isRun ? new Date(scheduledMs + 9) : null,
    finished_at: new Date(scheduledMs + 150),
    lateness_ms: 9,
    error: state === 'failed' ? 'the target answered 503' : null,
    output: null,
    count: 1,
    since: new Date(scheduledMs),
    expire_at: new Date(scheduledMs + 7 * 86_400_000),
  };
}

/** One run in each final state, a few minutes ago. */
export async function insertTrouble(db: Db, scheduleId: string): Promise<void> {
  const nowMs = Date.now();
  await db.collection('runs').insertMany(
    STATES.map((state, i) => runDoc(scheduleId, `${scheduleId}@${state}`, nowMs - (i + 2) * 60_000, state)),
  );
}

/** Schedules that are each due once a year. */
export async function insertSchedules(db: Db, count: number): Promise<void> {
  const at = new Date(Date.now() - 60_000);
  await inBatches(
    count,
    (i) => ({
      _id: `schedule-${String(i).padStart(6, '0')}` as never,
      ...{
        type: 'cron',
        definition: { cron_expression: `0 0 1 ${1 + i % 12} *`, timezone: 'UTC' },
        paused: i % 10 === 0,
      },
      ...{ name: `report ${i}`, tags: { team: i % 2 ? 'billing' : 'sales' }, ...DEFAULT_WORK },
      ...{ revision: 1, created_at: at, updated_at: at, effective_from: at, superseded: [] },
    }),
    db,
    'schedules',
  );
}

/** Runs, ten a second up to now, one in a hundred of which failed. */
export async function insertRuns(db: Db, count: number): Promise<void> {
  const nowMs = Date.now();
  await inBatches(
    count,
    (i) => {
      const scheduledMs = nowMs - i * 100;
      const id = `schedule-${String(i % 1000).padStart(6, '0')}`;
      return runDoc(
        id,
        `${id}@${new Date(scheduledMs).toISOString()}`,
        scheduledMs,
        i % 100 ? 'succeeded' : 'failed',
      );
    },
    db,
    'runs',
  );
}

/**
 * Past terms, the last of which was released a moment ago, so that the first replica can lead at once. Each lasted
 * some minutes, with gaps of milliseconds between them, and some of 3 s.
 */
export async function insertTerms(uri: string, db: Db, count: number): Promise<void> {
  const store = mongoStore({
    ...{ uri, database: db.databaseName, logger: SILENT, clock: systemClock(), random: systemRandom() },
  });
  await store.prepare();
  await store.close();
  let endedMs = Date.now();
  const terms = Array.from({ length: count }, (_, i) => {
    const term = count - i;
    const gap_ms = term % 7 ? 20 + term * 37 % 90 : 3000;
    const beganMs = endedMs - (4 + term * 7 % 11) * 60_000;
    const doc = {
      _id: term as never,
      ...{ replica: `r${1 + term * 2 % 3}`, boot: `boot-${term}` },
      began_at: new Date(beganMs),
      began_by: gap_ms < 3000 && term % 3 ? 'pre-empted' : 'acquired',
      ended_at: new Date(endedMs),
      ended_by: i === 0 ? 'released' : ['fenced', 'released', 'expired', 'fenced'][term % 4],
      gap_ms,
    };
    endedMs = beganMs - gap_ms;
    return doc;
  });
  await inBatches(count, (i) => terms[i] as object, db, 'leadership');
  const { replica, boot, began_at, began_by, ended_at } = terms[0] as typeof terms[number];
  const last = { holder: replica, boot, term: count, address: '', acquired_at: began_at, began_by };
  const end = { renewed_at: ended_at, released_at: ended_at, expires_at: ended_at };
  await db.collection('leases').updateOne({ _id: 'leader' as never }, { $set: { ...last, ...end } });
}

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

async function inBatches(
  count: number,
  make: (i: number) => object,
  db: Db,
  collection: string,
): Promise<void> {
  for (let from = 0; from < count; from += 5000) {
    const docs = Array.from({ length: Math.min(5000, count - from) }, (_, k) => make(from + k));
    await db.collection(collection).insertMany(docs, { ordered: false });
  }
}
