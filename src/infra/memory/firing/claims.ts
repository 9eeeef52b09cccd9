import type { ClaimBatch, ClaimResult, ClaimStore } from '../../../actors/firing/claimStore.ts';
import { isOccurrence, isUnowned } from '../../../domain/runs/run.ts';
import { StoreUnavailable } from '../../../actors/shared/storeErrors.ts';
import { claimMark } from '../../../domain/firing/claimMark.ts';
import { isClaimOf, isEarly, planClaim } from '../../firing/claimPlan.ts';
import { tallyId } from '../../runs/tallies.ts';
import { apply } from '../runs/runChanges.ts';
import type { Connection } from '../shared/connection.ts';
import type { Database } from '../shared/database.ts';
import { leaseUnder, renewed } from '../leadership/lease.ts';

export function memoryClaims(connection: Connection): ClaimStore {
  const { db } = connection;
  // As on a MongoDB session: a transaction that arrives after a later one of the same session is
  // refused. So the result of `resolve` is final, even while a claim is in flight.
  let sent = 0;
  let latest = 0;
  const inOrder = <T>(op: string, body: () => T): Promise<T> => {
    const number = ++sent;
    return connection.call(op, () => {
      if (number < latest) {
        throw new StoreUnavailable('a later call of the same session has aborted this claim');
      }
      latest = number;
      return body();
    });
  };
  return {
    newest: (of) =>
      connection.call('claims.newest', () => {
        const newest = new Map<string, number>();
        for (const { id, createdAt, timingRevision } of of) {
          for (const run of db.runs()) {
            const isOf = run.schedule_id === id && isOccurrence(run) &&
              run.timing_revision === timingRevision &&
              run.schedule_created_at?.getTime() === createdAt.getTime();
            if (isOf) newest.set(id, Math.max(newest.get(id) ?? -Infinity, run.scheduled_for.getTime()));
          }
        }
        return newest;
      }),

    claim: (batch) => inOrder('claims.claim', () => claim(db, batch)),

    resolve: (runs) =>
      inOrder('claims.resolve', () =>
        runs.flatMap((run) => {
          const stored = db.run(run.id);
          return stored && isClaimOf(stored, run) ? [stored] : [];
        })),
  };
}

function claim(db: Database, batch: ClaimBatch): ClaimResult {
  if (!leaseUnder(db, batch.grant)) return { kind: 'fenced' };
  if (isEarly(batch, db.nowMs())) return { kind: 'early', serverNowMs: db.nowMs() };
  const counted = batch.mayBeClaimed ? db.runs().filter((run) => run.count > 1) : [];
  const createdAt = (id: string) => db.schedules.get(id)?.created_at;
  const plan = planClaim(batch, {
    definition: (id) => db.schedules.get(id),
    run: (id) => db.run(id),
    counted,
    open: (id) => db.overlapping(id, createdAt(id)),
    claimed: (id) => db.claimedRuns.get(tallyId(id, createdAt(id))) ?? 0,
    now: db.now(),
  });
  const lease = renewed(
    db,
    batch.grant,
    batch.durationMs,
    claimMark(batch.marks, batch.requests, plan.stale),
  );
  if (!lease) return { kind: 'fenced' };
  for (const change of plan.changes) apply(db, change);
  for (const run of plan.insert) db.insertRun(run);
  for (const [id, count] of plan.counts) {
    const tally = tallyId(id, createdAt(id));
    db.claimedRuns.set(tally, (db.claimedRuns.get(tally) ?? 0) + count);
  }
  if (plan.insert.some(isUnowned)) db.hint('run available');
  const { ours, insert, duplicates, stale, exhausted } = plan;
  return { kind: 'committed', lease, runs: [...ours, ...insert], duplicates, stale, exhausted };
}
