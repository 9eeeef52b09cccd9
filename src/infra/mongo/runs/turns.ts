/**
 * Whose turn it is, of the runs of schedules that do not let them overlap. Each decision is a transaction that
 * writes the schedule's tally, as claims and requests do: so they exclude each other.
 */
import type { ClientSession } from 'mongodb';
import type { ScheduleKey } from '../../../actors/runs/runStore.ts';
import type { RunChange } from '../../../domain/runs/life.ts';
import { nextTurn } from '../../../domain/runs/overlap.ts';
import { OPEN_STATES, type Run } from '../../../domain/runs/run.ts';
import { tallyId } from '../../runs/tallies.ts';
import type { Collections } from '../shared/documents.ts';
import type { Readers } from '../shared/readers.ts';
import { inTransaction } from '../shared/transaction.ts';
import { type Transactions, WITHIN_MS, WRITTEN } from './requests.ts';
import { changing } from './runChanges.ts';

/** As in the partial index. */
const OVERLAPPING = {
  overlap: { $in: ['skip', 'queue', 'replace'] as Run['overlap'][] },
  state: { $in: [...OPEN_STATES] },
};

/** Open runs of these schedules that count for overlaps. */
export async function overlappingRuns(
  { runs }: Collections,
  readers: Readers,
  scheduleIds: readonly string[],
  session?: ClientSession,
): Promise<Run[]> {
  const filter = { schedule_id: { $in: [...scheduleIds] }, ...OVERLAPPING };
  return readers.runs(await runs.find(filter, session ? { session } : {}).toArray());
}

/** Schedules in which a run waits for its turn. */
export async function waitingSchedules({ runs }: Collections): Promise<string[]> {
  // With a range of its own, the partial index is considered.
  return await runs.distinct('schedule_id', {
    schedule_id: { $gt: '' },
    ...OVERLAPPING,
    waiting_for: 'overlap',
  });
}

/** Returns what has changed. */
export async function passTurn(
  { client, clock, random }: Transactions,
  collections: Collections,
  readers: Readers,
  key: ScheduleKey,
): Promise<RunChange[]> {
  const session = client.startSession();
  const id = tallyId(key.id, key.created_at);
  try {
    return await inTransaction(
      { op: 'a turn of runs', session, withinMs: WITHIN_MS, clock, random },
      async () => {
        const open = (await overlappingRuns(collections, readers, [key.id], session)).filter((run) =>
          tallyId(run.schedule_id, run.schedule_created_at) === id
        );
        const changes = nextTurn(open, await serverNow(collections, session));
        if (changes.length === 0) return { commit: false, value: [] };
        await collections.runs.bulkWrite(changes.map(changing), { session });
        // Last: a process that dies before the commit leaves it locked for a minute.
        await collections.tallies.updateOne({ _id: id }, WRITTEN, { session, upsert: true });
        return { commit: true, value: changes };
      },
    );
  } finally {
    await session.endSession();
  }
}

/** The server's clock, within a transaction. */
export async function serverNow({ leases }: Collections, session: ClientSession): Promise<Date> {
  const [{ now } = { now: new Date(0) }] = await leases
    .aggregate<{ now: Date }>([{ $limit: 1 }, { $project: { _id: 0, now: '$$NOW' } }], { session }).toArray();
  return now;
}
