import type { ClaimBatch, ClaimResult, ClaimStore } from '../../../actors/firing/claimStore.ts';
import { StoreUnavailable } from '../../../actors/shared/storeErrors.ts';
import { claimMark } from '../../../domain/firing/claimMark.ts';
import { isClaimOf, isEarly, planClaim } from '../../firing/claimPlan.ts';
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
    claim: (batch) => inOrder('claims.claim', () => claim(db, batch)),

    resolve: (runs, boot) =>
      inOrder('claims.resolve', () =>
        runs.flatMap((run) => {
          const stored = db.run(run.id);
          return stored && isClaimOf(stored, run, boot) ? [stored] : [];
        })),
  };
}

function claim(db: Database, batch: ClaimBatch): ClaimResult {
  if (!leaseUnder(db, batch.grant)) return { kind: 'fenced' };
  if (isEarly(batch, db.nowMs())) return { kind: 'early', serverNowMs: db.nowMs() };
  const counted = batch.mayBeClaimed ? db.runs().filter((run) => run.count > 1) : [];
  const plan = planClaim(batch, (id) => db.schedules.get(id), (id) => db.run(id), counted);
  const lease = renewed(
    db,
    batch.grant,
    batch.durationMs,
    claimMark(batch.marks, batch.requests, plan.stale),
  );
  if (!lease) return { kind: 'fenced' };
  for (const run of plan.insert) db.insertRun(run);
  const { ours, insert, duplicates, stale } = plan;
  return { kind: 'committed', lease, runs: [...ours, ...insert], duplicates, stale };
}
