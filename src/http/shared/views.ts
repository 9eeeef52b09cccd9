/** Records as the API represents them: the public fields, and computed ones. */
import { type Term, withEnd } from '../../domain/leadership/term.ts';
import { isFree, type Lease, type LeaseReading } from '../../domain/leadership/lease.ts';
import { clockBehindMs } from '../../domain/leadership/setBack.ts';
import { watermarkMs } from '../../domain/leadership/watermark.ts';
import { isPausedAt, owesFromMs } from '../../domain/firing/owed.ts';
import { nextOccurrence } from '../../domain/timing/occurrences.ts';
import { clusterWarnings, type Replica } from '../../domain/membership/replica.ts';
import type { Backfill } from '../../domain/runs/backfill.ts';
import { type Attempt, OPEN_STATES, type Run, workOf } from '../../domain/runs/run.ts';
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
  const isPaused = isPausedAt(schedule, nowMs);
  const { pause_until: _until, pause_reason: _reason, ...active } = rest;
  const nextMs = nextMsOf(schedule, nowMs);
  return {
    id,
    revision,
    ...(schedule.paused && !isPaused ? active : rest),
    paused: isPaused,
    next_fire_at: nextMs === null || owesFromMs(schedule) === Infinity ? null : new Date(nextMs),
    completed: nextMs === null,
    last_run: lastRun ? runView(lastRun) : null,
  };
}

/** The next occurrence, ignoring a pause. */
function nextMsOf(schedule: Schedule | ListedSchedule, nowMs: number): number | null {
  if (isSummarised(schedule)) return schedule.definition.times.next?.getTime() ?? null;
  // The corrected clock may be a little behind the server's, which stamped the definition.
  const fromMs = owesFromMs(schedule);
  const owedFromMs = fromMs === Infinity ? schedule.effective_from.getTime() : fromMs;
  return nextOccurrence(schedule, Math.max(nowMs, owedFromMs));
}

/**
 * A run: `max_attempts` is from what it was claimed with; how it is kept and fenced is not shown. `started_at` is
 * that of its last attempt, `finished_at` that of the run.
 */
export function runView(run: Run) {
  const { id, schedule_id, schedule_revision, schedule_created_at = null } = run;
  const { scheduled_for, available_at, trigger, state, reason, waiting_for, attempt, attempts } = run;
  const { executor, term, claimed_at, started_at, lateness_ms, error, output } = run;
  const finished_at = OPEN_STATES.includes(state) ? null : run.finished_at;
  return {
    ...{ id, schedule_id, schedule_revision, schedule_created_at },
    ...{ scheduled_for, available_at, trigger, state, reason, waiting_for, overlap: run.overlap },
    ...(run.backfill_id !== undefined && { backfill_id: run.backfill_id }),
    attempt,
    max_attempts: workOf(run).policy.retry.max_attempts,
    attempts: attempts.map(attemptView),
    ...{ executor, term, claimed_at, started_at, finished_at, lateness_ms, error, output },
    ...(run.count > 1 && { count: run.count, since: run.since }),
  };
}

/** `open`: number of its open runs. */
export function backfillView(backfill: Backfill, open: number) {
  const { id, schedule_id, schedule_created_at, schedule_revision, from, to } = backfill;
  const { max_concurrent, overlap, again, state, total, created, already_run } = backfill;
  const { created_at, finished_at } = backfill;
  return {
    ...{ id, schedule_id, schedule_created_at, schedule_revision, from, to, max_concurrent, overlap, again },
    state,
    progress: { total, created, already_run, open, ended: created - open },
    ...{ created_at, finished_at },
  };
}

function attemptView({ number, executor, started_at, finished_at, state, error }: Attempt) {
  return { number, executor, started_at, finished_at, state, error };
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
  { id, boot, role, address, version, started_at, last_seen, lost_at, transitions, ...settings }: Replica,
) {
  const { lease_timing, warnings, places } = settings;
  return {
    ...{ id, boot, role, address, version, started_at, last_seen, lost_at, transitions },
    ...{ lease_timing, warnings, places },
  };
}

/** The history of terms; how the newest one ended is in the lease until the next one begins. */
export function leadershipView(terms: readonly Term[], reading: LeaseReading) {
  return terms.map((term) => termView(withEnd(term, reading)));
}

export function termView({ term, replica, boot, began_at, began_by, ended_at, ended_by, gap_ms }: Term) {
  return { term, replica, boot, began_at, began_by, ended_at, ended_by, gap_ms };
}
