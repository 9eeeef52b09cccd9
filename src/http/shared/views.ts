/** Records as the API represents them: the public fields, and computed ones. */
import { type Term, withEnd } from '../../domain/leadership/term.ts';
import { isFree, type Lease, type LeaseReading } from '../../domain/leadership/lease.ts';
import { clockBehindMs } from '../../domain/leadership/setBack.ts';
import { watermarkMs } from '../../domain/leadership/watermark.ts';
import { nextOccurrence } from '../../domain/timing/occurrences.ts';
import { clusterWarnings, type Replica } from '../../domain/membership/replica.ts';
import type { Run } from '../../domain/runs/run.ts';
import { isSummarised, type ListedSchedule } from '../../domain/schedules/listing.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';

/**
 * `nowMs` is the server's time, epoch milliseconds. `next_fire_at` is the next occurrence, null when
 * there is none or while the schedule is paused; `completed` means that there is none, nor would be
 * after a resume. `last_run` is its newest run, or null.
 */
export function scheduleView(
  schedule: Schedule | ListedSchedule,
  lastRun: Run | undefined,
  nowMs: number,
) {
  const { superseded: _superseded, ...known } = { superseded: [], ...schedule };
  const {
    id,
    revision,
    timing_revision: _timing,
    written_at: _written,
    effective_from: _effectiveFrom,
    ...rest
  } = known;
  const nextMs = nextMsOf(schedule, nowMs);
  return {
    id,
    revision,
    ...rest,
    next_fire_at: nextMs === null || schedule.paused ? null : new Date(nextMs),
    completed: nextMs === null,
    last_run: lastRun ? runView(lastRun) : null,
  };
}

/** The next occurrence, ignoring a pause. */
function nextMsOf(schedule: Schedule | ListedSchedule, nowMs: number): number | null {
  if (isSummarised(schedule)) return schedule.definition.times.next?.getTime() ?? null;
  // The corrected clock may be a little behind the server's, which stamped the definition.
  return nextOccurrence(schedule, Math.max(nowMs, schedule.effective_from.getTime()));
}

export function runView(run: Run) {
  const {
    executor_boot: _boot,
    expire_at: _expireAt,
    schedule_revision: _revision,
    schedule_created_at = null,
    timing_revision: _timing,
    claim_number: _claim,
    count,
    since,
    ...rest
  } = run;
  const view = { ...rest, schedule_created_at };
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

/**
 * `watermark`: every occurrence at or before it is settled. `inspectedBy`: the replica that responds.
 */
export function clusterView(reading: LeaseReading, replicas: readonly Replica[], inspectedBy: string) {
  const { lease, serverNowMs } = reading;
  return {
    leader: isFree(reading) ? null : lease.holder,
    term: lease.term,
    watermark: new Date(watermarkMs(lease.watermark)),
    now: new Date(serverNowMs),
    // Earlier schedules fire again, and the watermark advances, once the clock has caught up.
    clock: { set_back: lease.set_back, behind_ms: clockBehindMs(reading) },
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

/** The history of terms; how the newest one ended is in the lease until the next one begins. */
export function leadershipView(terms: readonly Term[], reading: LeaseReading) {
  return terms.map((term) => termView(withEnd(term, reading)));
}

export function termView({ term, replica, boot, began_at, began_by, ended_at, ended_by, gap_ms }: Term) {
  return { term, replica, boot, began_at, began_by, ended_at, ended_by, gap_ms };
}
