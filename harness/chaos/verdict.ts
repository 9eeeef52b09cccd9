/** After a storm: calm is awaited, the replicas are stopped, and what they leave behind is audited. */
import { setTimeout as delay } from 'node:timers/promises';
import { audit, type Findings, type Recorded } from './audit.ts';
import type { Book, Stored } from './book.ts';
import type { World } from './faults.ts';

/** A takeover takes a lease at most; an election of the store, and the catching up, come on top. */
export const CALM_WITHIN_MS = 60_000;
/** Whoever adopts runs has to have watched their executor for a while. */
const ENDED_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 200;

/** Rejects when what was due by now is not settled in time. */
export async function verdict(
  { fleet, set }: World,
  database: string,
  book: Book,
): Promise<{ findings: Findings; runs: Recorded[] }> {
  const throughMs = Date.now();
  const db = set.client.db(database);
  const runs = db.collection<Recorded>('runs');
  await within(CALM_WITHIN_MS, fleet.passes(throughMs), 'the watermark does not catch up');

  const open = {
    scheduled_for: { $lte: new Date(throughMs) },
    state: { $in: ['claimed', 'running', 'retrying'] },
  };
  const deadlineMs = performance.now() + ENDED_WITHIN_MS;
  while (performance.now() < deadlineMs && await runs.findOne(open)) await delay(LOOK_EVERY_MS);
  await fleet.stop();

  const schedules = await db.collection<Stored & { _id: string }>('schedules').find({}).toArray();
  const kept = book.settle(new Map(schedules.map((doc) => [doc._id, doc])));
  const all = await runs.find({}).toArray();
  return { findings: audit({ kept, runs: all, executions: fleet.executions(), throughMs }), runs: all };
}

export async function within<T>(limitMs: number, promise: Promise<T>, otherwise: string): Promise<T> {
  const timer = new AbortController();
  const late = delay(limitMs, null, { signal: timer.signal }).then(() => {
    throw new Error(`${otherwise}, after ${limitMs / 1000} s`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    timer.abort();
  }
}
