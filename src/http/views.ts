/** What clients see of records: the fields that are theirs to know, and those that are computed for them. */
import { type Term, withEnd } from '../domain/leadership.ts';
import { isFree, type Lease, type LeaseReading } from '../domain/lease.ts';
import { watermarkMs } from '../domain/lease.ts';
import { nextOccurrence } from '../domain/occurrences.ts';
import { clusterWarnings, type Replica } from '../domain/replica.ts';
import { NOBODY, type Run } from '../domain/run.ts';
import type { Schedule } from '../domain/schedule.ts';

/**
 * `nowMs` is the server's time, epoch milliseconds. `next_fire_at` is the next occurrence, null when there is
 * none or while the schedule is paused; `last_run` is its newest run, or null.
 */
export function scheduleView(schedule: Schedule, lastRun: Run | undefined, nowMs: number) {
  const { id, revision, superseded: _superseded, effective_from, ...rest } = schedule;
  // The corrected clock may be a little behind the server's, which has stamped the definition.
  const afterMs = Math.max(nowMs, effective_from.getTime());
  const nextMs = schedule.paused ? null : nextOccurrence(schedule, afterMs);
  return {
    id,
    revision,
    ...rest,
    next_fire_at: nextMs === null ? null : new Date(nextMs),
    last_run: lastRun ? runView(lastRun) : null,
  };
}

export function runView(run: Run) {
  const {
    executor_boot: _boot,
    expire_at: _expireAt,
    schedule_revision: _revision,
    claim_number: _claim,
    count,
    since,
    executor,
    ...rest
  } = run;
  const view = { ...rest, executor: executor === NOBODY ? null : executor };
  return count > 1 ? { ...view, count, since } : view;
}

export function leaderView(lease: Lease) {
  return {
    replica: lease.holder,
    boot: lease.boot,
    term: lease.term,
    address: lease.address,
    acquired_at: lease.acquired_at,
    expires_at: lease.expires_at,
  };
}

/** `watermark`: all occurrences at or before it are claimed or recorded. `inspectedBy`: who answers. */
export function clusterView(reading: LeaseReading, replicas: readonly Replica[], inspectedBy: string) {
  const { lease, serverNowMs } = reading;
  return {
    leader: isFree(reading) ? null : lease.holder,
    term: lease.term,
    watermark: new Date(watermarkMs(lease.watermark)),
    now: new Date(serverNowMs),
    inspected_by: inspectedBy,
    warnings: clusterWarnings(replicas),
    replicas: replicas.map(replicaView),
  };
}

export function replicaView(
  { id, boot, role, address, version, started_at, last_seen, lost_at, transitions, lease_timing, warnings }:
    Replica,
) {
  return {
    ...{ id, boot, role, address, version, started_at, last_seen, lost_at, transitions },
    lease_timing,
    warnings,
  };
}

/** The history of terms; the lease knows how the newest has ended while it has no successor. */
export function leadershipView(terms: readonly Term[], reading: LeaseReading) {
  return terms.map((term) => termView(withEnd(term, reading)));
}

export function termView({ term, replica, boot, began_at, began_by, ended_at, ended_by, gap_ms }: Term) {
  return { term, replica, boot, began_at, began_by, ended_at, ended_by, gap_ms };
}
