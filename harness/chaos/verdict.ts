/** After a storm: waits for recovery, stops the replicas, and audits what is stored. */
import { setTimeout as delay } from 'node:timers/promises';
import { audit, type Findings, type RecordedRun } from './audit.ts';
import type { World } from './faults.ts';
import type { Ledger, StoredSchedule } from './ledger.ts';
import type { RecordedBackfill } from './lives.ts';
import type { Receiver } from './receiver.ts';

/** A takeover takes at most one lease; an election of the store, and catching up, come on top. */
export const RECOVERY_LIMIT_MS = 60_000;
/** A leader adopts a run only some seconds after its executor was last seen. */
const RUNS_END_LIMIT_MS = 30_000;
const POLL_EVERY_MS = 200;

/** Rejects when what was due by now is not settled in time. */
export async function verdict(
  { fleet, set }: World,
  database: string,
  ledger: Ledger,
  { backfills, receiver }: { backfills: readonly string[]; receiver: Receiver | null } = {
    backfills: [],
    receiver: null,
  },
): Promise<{ findings: Findings; runs: RecordedRun[] }> {
  const throughMs = Date.now();
  const db = set.client.db(database);
  const runs = db.collection<RecordedRun>('runs');
  await within(RECOVERY_LIMIT_MS, fleet.passes(throughMs), 'the watermark does not catch up');

  const open = {
    scheduled_for: { $lte: new Date(throughMs) },
    state: { $in: ['claimed', 'running', 'retrying'] },
  };
  const deadlineMs = performance.now() + RUNS_END_LIMIT_MS;
  const stored = db.collection<RecordedBackfill>('backfills');
  const isOver = async () =>
    await runs.findOne(open) === null && await stored.findOne({ state: 'running' }) === null;
  while (performance.now() < deadlineMs && !await isOver()) await delay(POLL_EVERY_MS);
  await fleet.stop();

  const schedules = await db.collection<StoredSchedule & { _id: string }>('schedules').find({}).toArray();
  const entries = ledger.settle(new Map(schedules.map((doc) => [doc._id, doc])));
  const all = await runs.find({}).toArray();
  const findings = audit({
    ...{ entries, runs: all, throughMs },
    executions: [...fleet.executions(), ...receiver?.deliveries ?? []],
    forged: receiver?.forged ?? [],
    backfills: { requested: backfills, stored: await stored.find({}).toArray() },
  });
  return { findings, runs: all };
}

/** Rejects with the problem when the promise is not settled within the limit. */
export async function within<T>(limitMs: number, promise: Promise<T>, problem: string): Promise<T> {
  const timer = new AbortController();
  const late = delay(limitMs, null, { signal: timer.signal }).then(() => {
    throw new Error(`${problem}, after ${limitMs / 1000} s`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    timer.abort();
  }
}
