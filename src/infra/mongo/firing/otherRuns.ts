/**
 * What a claim needs of a schedule beside its own occurrences: the open runs with which they may overlap, and
 * how many were claimed so far. Nothing is read or written for schedules that look at neither.
 */
import type { ClientSession } from 'mongodb';
import type { ClaimBatch } from '../../../actors/firing/claimStore.ts';
import type { Run } from '../../../domain/runs/run.ts';
import { type ClaimPlan, looksAtOthers, type StoredState } from '../../firing/claimPlan.ts';
import { tallyId } from '../../runs/tallies.ts';
import { changing } from '../runs/runChanges.ts';
import { overlappingRuns } from '../runs/turns.ts';
import type { Collections } from '../shared/documents.ts';
import { hasCode, WRITE_CONFLICT } from '../shared/errors.ts';
import type { Readers } from '../shared/readers.ts';

/** Tallies by schedule id. */
function tallies({ requests }: ClaimBatch): Map<string, string> {
  return new Map(
    requests.filter(looksAtOthers).map(({ scheduleId, runs }) => [
      scheduleId,
      tallyId(scheduleId, runs[0]?.schedule_created_at),
    ]),
  );
}

export async function readOthers(
  collections: Collections,
  readers: Readers,
  session: ClientSession,
  batch: ClaimBatch,
): Promise<Pick<StoredState, 'open' | 'claimed'>> {
  const ids = tallies(batch);
  if (ids.size === 0) return { open: () => [], claimed: () => 0 };
  const open = await overlappingRuns(collections, readers, [...ids.keys()], session);
  const counted = await collections.tallies.find({ _id: { $in: [...ids.values()] } }, { session }).toArray();
  const counts = new Map(counted.map(({ _id, runs = 0 }) => [_id, runs]));
  const isOfLife = (run: Run) =>
    tallyId(run.schedule_id, run.schedule_created_at) === ids.get(run.schedule_id);
  return {
    open: (id) => open.filter((run) => run.schedule_id === id && isOfLife(run)),
    claimed: (id) => counts.get(ids.get(id) ?? '') ?? 0,
  };
}

/**
 * Writes the tallies: all at once, or one by one, to find the schedule whose tally another open transaction has
 * written. Returns that schedule's id; null when all were written.
 */
export async function writeOthers(
  collections: Collections,
  session: ClientSession,
  batch: ClaimBatch,
  { changes, counts }: ClaimPlan,
  together: boolean,
): Promise<string | null> {
  if (counts.size === 0) return null;
  const ids = tallies(batch);
  const writes = [...counts].map(([id, runs]) => ({
    id,
    updateOne: {
      filter: { _id: ids.get(id) as string },
      update: { $inc: { writes: 1, runs } },
      upsert: true,
    },
  }));
  if (together) {
    await collections.tallies.bulkWrite(writes.map(({ updateOne }) => ({ updateOne })), { session });
  } else {
    for (const { id, updateOne: { filter, update } } of writes) {
      try {
        await collections.tallies.updateOne(filter, update, { session, upsert: true });
      } catch (error) {
        if (hasCode(error, WRITE_CONFLICT)) return id;
        throw error;
      }
    }
  }
  if (changes.length > 0) await collections.runs.bulkWrite(changes.map(changing), { session });
  return null;
}
