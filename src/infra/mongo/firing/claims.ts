/**
 * Claims by group commit. One transaction claims all of a batch or none of it, and only for a
 * leader:
 *
 * - Two leaders can't both commit: each writes the lease document, and the older one's filter no
 *   longer matches, or its write conflicts (G3).
 * - No occurrence is claimed twice: its run's `_id` is derived from it (G1).
 * - No replaced definition is claimed: see barrier.ts (G4).
 * - Nothing is claimed before it is due by the server's clock, which may just have been set back
 *   (G6).
 */
import type { ClientSession } from 'mongodb';
import type { ClaimBatch, ClaimResult, ClaimStore } from '../../../actors/firing/claimStore.ts';
import type { Clock, Random } from '../../../actors/shared/environment.ts';
import { claimMark } from '../../../domain/firing/claimMark.ts';
import { isUnowned, OF_OCCURRENCES, type Run } from '../../../domain/runs/run.ts';
import { tellReplicas } from '../runs/runs.ts';
import { readOthers, writeOthers } from './otherRuns.ts';
import {
  type Counted,
  isClaimOf,
  isEarly,
  planClaim,
  staleSchedules,
  type StoredRun,
} from '../../firing/claimPlan.ts';
import type { ClaimSession } from '../leadership/claimSession.ts';
import { type Collections, fromRun, LEASE_ID, type RunDoc } from '../shared/documents.ts';
import { storeCall } from '../shared/errors.ts';
import { renewal, underGrant } from '../leadership/leaseUpdates.ts';
import type { Readers } from '../shared/readers.ts';
import { inTransaction, Restart, type Step } from '../shared/transaction.ts';

/** Retry limit of `resolve`; longer than the socket timeout, which a lost claim may have run into. */
const RESOLVE_WITHIN_MS = 5000;

export interface ClaimParts {
  collections: Collections;
  claimSession: ClaimSession;
  readers: Readers;
  clock: Clock;
  random: Random;
}

export function mongoClaims({ collections, claimSession, readers, clock, random }: ClaimParts): ClaimStore {
  /**
   * A transaction makes the server end, or wait for, the session's previous one, and refuse what
   * arrives of that one later.
   */
  const endEarlier = (session: ClientSession) =>
    inTransaction(
      { op: 'the look-up of a claim', session, withinMs: RESOLVE_WITHIN_MS, clock, random },
      async () => {
        await collections.leases.findOne({ _id: LEASE_ID }, { session });
        return { commit: false, value: null };
      },
    );

  return {
    newest: (of) =>
      storeCall('the look-up of the newest claims', async () => {
        const found = await Promise.all(of.map(({ id, createdAt, timingRevision }) =>
          collections.runs.find({
            schedule_id: id,
            trigger: { $in: [...OF_OCCURRENCES] },
            timing_revision: timingRevision,
            schedule_created_at: createdAt,
          }, { projection: { schedule_id: 1, scheduled_for: 1 } })
            .sort({ scheduled_for: -1, _id: -1 }).limit(1).toArray()
        ));
        return new Map(found.flat().map((doc) => [doc.schedule_id, doc.scheduled_for.getTime()]));
      }),

    claim(batch) {
      const leftOut = new Set<string>();
      return storeCall('a claim', async () => {
        const result = await claimSession.use((session) =>
          inTransaction(
            { op: 'a claim', session, withinMs: batch.durationMs, clock, random },
            (attempt) => claim(collections, readers, session, batch, leftOut, attempt),
          )
        );
        // Not awaited: the claimed runs start first.
        if (result.kind === 'committed' && result.runs.some(isUnowned)) {
          void tellReplicas(collections, 'run available');
        }
        return result;
      });
    },

    // Plain writes and reads only, except for a transaction that writes nothing. One that had
    // written the lease document, left open by a crash here, would block every leader for a minute.
    resolve: async (runs) => {
      if (runs.length === 0) return [];
      const found = await storeCall(
        'the look-up of a claim',
        () =>
          claimSession.use(async (session) => {
            await endEarlier(session);
            // Later than the claim's commit, if there was one, and on a majority: so is the commit
            // then, and the next read in the same session sees it.
            await collections.leases.updateOne({ _id: LEASE_ID }, { $inc: { barrier: 1 } }, { session });
            return await storedRuns(collections, readers, session, runs);
          }),
      );
      return runs.flatMap((run) => {
        const stored = found.get(run.id);
        return stored && isClaimOf(stored, run) ? [stored] : [];
      });
    },
  };
}

/** Attempts that write all tallies at once; later ones find out which is contested. */
const TOGETHER = 2;

/**
 * `leftOut`: schedules that an earlier attempt left out. The definition of one differed, and does not come back; or
 * its tally belongs to another transaction, which may be open for a minute when the process that began it has died.
 * The others must not wait for it.
 */
async function claim(
  collections: Collections,
  readers: Readers,
  session: ClientSession,
  batch: ClaimBatch,
  leftOut: Set<string>,
  attempt: number,
): Promise<Step<ClaimResult>> {
  // First, so that the snapshot and the lock on the lease document are one moment. Other writers of
  // it (a renewal, a barrier) then wait as long as a claim takes. Were it written last, each of
  // them would make the claim start over, and over a slow connection it would never commit.
  const doc = await collections.leases.findOneAndUpdate(
    underGrant(batch.grant),
    renewal(batch.durationMs, claimMark(batch.marks, batch.requests, leftOut)),
    { session, returnDocument: 'after' },
  );
  if (!doc) return { commit: false, value: { kind: 'fenced' } };
  const serverNowMs = (doc.renewed_at as Date).getTime();
  if (isEarly(batch, serverNowMs)) return { commit: false, value: { kind: 'early', serverNowMs } };
  const definitions = await storedDefinitions(collections, session, batch);
  const staleNow = staleSchedules(batch, (id) => definitions.get(id));
  if (staleNow.some((id) => !leftOut.has(id))) {
    staleNow.forEach((id) => leftOut.add(id));
    throw new Restart('the watermark was written for schedules that turned out to be stale');
  }
  // Usually nothing can be stored already, and nothing is looked up. A retry may follow a duplicate
  // key or a commit with an unknown result, and a stale schedule may have been claimed, before it
  // changed, by a call whose answer was lost.
  const looksUp = batch.mayBeClaimed || attempt > 0;
  const suspects = looksUp ? batch.requests.flatMap((request) => request.runs) : [];
  const { runs, counted } = await storedFor(collections, readers, session, suspects);
  const others = await readOthers(collections, readers, session, batch);
  const plan = planClaim(batch, {
    definition: (id) => leftOut.has(id) ? undefined : definitions.get(id),
    run: (id) => runs.get(id),
    ...{ counted, ...others, now: new Date(serverNowMs) },
  });
  const contested = await writeOthers(collections, session, batch, plan, attempt < TOGETHER);
  if (contested !== null) {
    leftOut.add(contested);
    throw new Restart('another transaction has written the tally of a schedule');
  }
  const { insert, ours, duplicates, stale, exhausted } = plan;
  await insertAll(collections, session, insert.map(fromRun));
  const claimed = [...ours, ...insert];
  return {
    commit: true,
    value: { kind: 'committed', lease: readers.lease(doc), runs: claimed, duplicates, stale, exhausted },
  };
}

/** One run is the usual case, and the first use of the driver's bulk operations costs milliseconds. */
async function insertAll({ runs }: Collections, session: ClientSession, docs: RunDoc[]): Promise<void> {
  const [first, ...others] = docs;
  if (first === undefined) return;
  if (others.length === 0) await runs.insertOne(first, { session });
  else await runs.insertMany(docs, { session });
}

async function storedDefinitions({ schedules }: Collections, session: ClientSession, batch: ClaimBatch) {
  const ids = [...new Set(batch.requests.map((request) => request.scheduleId))];
  if (ids.length === 0) return new Map<string, never>();
  const options = { session, projection: { revision: 1, effective_from: 1 } } as const;
  const found = await schedules.find({ _id: { $in: ids } }, options).toArray();
  return new Map(found.map((doc) => [doc._id, doc]));
}

async function storedRuns(
  { runs }: Collections,
  readers: Readers,
  session: ClientSession,
  wanted: readonly Run[],
): Promise<Map<string, StoredRun>> {
  const found = await runs.find({ _id: { $in: wanted.map((run) => run.id) } }, { session }).toArray();
  return byId(found, readers);
}

/** The stored ones of these runs, and the counted records that may cover some. */
async function storedFor(
  { runs }: Collections,
  readers: Readers,
  session: ClientSession,
  wanted: readonly Run[],
): Promise<{ runs: Map<string, StoredRun>; counted: Counted[] }> {
  const [first] = wanted;
  if (first === undefined) return { runs: new Map(), counted: [] };
  const scheduleIds = [...new Set(wanted.map((run) => run.schedule_id))];
  const earliest = wanted.reduce(
    (least, { scheduled_for }) => scheduled_for < least ? scheduled_for : least,
    first.scheduled_for,
  );
  const found = await runs.find({
    $or: [
      { _id: { $in: wanted.map((run) => run.id) } },
      { schedule_id: { $in: scheduleIds }, scheduled_for: { $gte: earliest }, count: { $gt: 1 } },
    ],
  }, { session }).toArray();
  return { runs: byId(found, readers), counted: found.filter(({ count }) => count > 1) };
}

function byId(docs: readonly RunDoc[], readers: Readers): Map<string, StoredRun> {
  return new Map(docs.map((doc) => [doc._id, readers.run(doc)]));
}
