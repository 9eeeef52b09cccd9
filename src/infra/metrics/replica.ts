import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ReplicaObserver } from '../../actors/observer.ts';
import type { Capacity } from '../../domain/schedules/capacity.ts';
import type { BeganBy, EndedBy } from '../../domain/leadership/lease.ts';
import { ENDED_STATES, type NotRunReason, type RunState } from '../../domain/runs/run.ts';

/** The current state of a replica. */
export interface Vitals {
  /** Whether it may act as the leader. */
  leads: boolean;
  /** The newest known term. */
  term: number;
  /** Every occurrence due by then is settled, epoch ms; null before the first read of the lease. */
  watermarkMs: number | null;
  /** Known schedules. */
  schedules: number;
  /** Moments of all `at_times` schedules. */
  moments: number;
  liveJobs: number;
  /** Places for runs. */
  places: { used: number; max: number };
  /** Schedules that this version does not understand. */
  notUnderstood: number;
  /** How far the server's clock is behind an earlier reading, ms. */
  clockBehindMs: number;
  /** Whether its address reaches this replica, and it alone; null before the first check. */
  addressOk: boolean | null;
  /** Whether it would detect the death of the leader's process at once. */
  leaderWatched: boolean;
}

/** The counted states: all but the intermediate ones. */
const STATES: readonly RunState[] = ['claimed', ...ENDED_STATES];
const MISSED: readonly NotRunReason[] = ['catch_up_window', 'catch_up_limit', 'catch_up_policy'];
const TRANSITIONS: readonly (BeganBy | EndedBy)[] = [
  ...['acquired', 'pre-empted'] as const,
  ...['released', 'expired', 'fenced', 'stepped down'] as const,
];

/** From 1 ms to 1 min. */
const LATENESS_S = [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 20, 30, 60];
const BATCH_SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export function replicaMetrics(
  registry: Registry,
  vitals: () => Vitals,
  limits: Capacity,
): ReplicaObserver {
  const registers = [registry];
  gauges(registers, vitals, limits);
  const { lateness, batches, runs, missed, transitions, clockSteps } = counters(registers);
  return {
    claimed(claimed) {
      if (claimed.length > 0) batches.observe(claimed.length);
      for (const { state, reason, count } of claimed) {
        runs.inc({ state }, count);
        if (state === 'missed') missed.inc({ reason: reason ?? 'unknown' }, count);
      }
    },
    attempting({ attempt, lateness_ms }) {
      if (attempt === 1) lateness.observe(Math.max(0, lateness_ms) / 1000);
    },
    settled: ({ state }) => runs.inc({ state }),
    abandoned: (count) => runs.inc({ state: 'abandoned' }, count),
    clockStepped: (stepMs) => clockSteps.inc({ direction: stepMs < 0 ? 'back' : 'forward' }),
    election(news) {
      if (news.type === 'ELECTION.ENDED') transitions.inc({ reason: news.by });
      if (news.type === 'ELECTION.BEGAN') {
        transitions.inc({ reason: news.acquisition.lease.began_by ?? 'unknown' });
      }
    },
  };
}

function counters(registers: Registry[]) {
  const lateness = new Histogram({
    name: 'scheduler_fire_lateness_seconds',
    help: "From an occurrence's nominal time to the start of its run's first attempt.",
    buckets: LATENESS_S,
    registers,
  });
  const batches = new Histogram({
    name: 'scheduler_claim_batch_size',
    help: 'Runs and records in one claim.',
    buckets: BATCH_SIZES,
    registers,
  });
  const runs = new Counter({
    name: 'scheduler_runs_total',
    help: 'Occurrences that this replica has brought into the state.',
    labelNames: ['state'],
    registers,
  });
  const missed = new Counter({
    name: 'scheduler_missed_total',
    help: 'Occurrences that were recorded as missed, by why they were not run.',
    labelNames: ['reason'],
    registers,
  });
  const transitions = new Counter({
    name: 'scheduler_leadership_transitions_total',
    help: 'Terms of this replica that began (acquired, pre-empted) and ended (all else).',
    labelNames: ['reason'],
    registers,
  });
  const clockSteps = new Counter({
    name: 'scheduler_server_clock_steps_total',
    help: "Times that the database server's clock was set by more than a second, as this replica saw it.",
    labelNames: ['direction'],
    registers,
  });
  // Without a series before the first event, that event would not show as an increase.
  for (const state of STATES) runs.inc({ state }, 0);
  for (const reason of MISSED) missed.inc({ reason }, 0);
  for (const reason of TRANSITIONS) transitions.inc({ reason }, 0);
  for (const direction of ['back', 'forward']) clockSteps.inc({ direction }, 0);
  return { lateness, batches, runs, missed, transitions, clockSteps };
}

/** Gauges, evaluated at each scrape. */
function gauges(registers: Registry[], vitals: () => Vitals, limits: Capacity): void {
  const gauge = (name: string, help: string, value: (now: Vitals) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value(vitals()));
      },
    });
  gauge(
    'scheduler_is_leader',
    '1 while this replica may act as the leader, else 0.',
    ({ leads }) => Number(leads),
  );
  gauge(
    'scheduler_leader_term',
    'The newest term of leadership that this replica knows of.',
    ({ term }) => term,
  );
  gauge(
    'scheduler_watermark_timestamp_seconds',
    'Everything that was due by then is claimed or recorded, as far as this replica knows; NaN before the first read of the lease.',
    ({ watermarkMs }) => watermarkMs === null ? NaN : watermarkMs / 1000,
  );
  gauge(
    'scheduler_server_clock_behind_seconds',
    "How far the database server's clock is behind what it has shown before; 0 when it was not set back.",
    ({ clockBehindMs }) => clockBehindMs / 1000,
  );
  gauge(
    'scheduler_schedules_not_understood',
    'Stored schedules that this version does not understand: they are set aside.',
    ({ notUnderstood }) => notUnderstood,
  );
  gauge(
    'scheduler_leader_watched',
    "1 while this replica leads or would detect the death of the leader's process at once, else 0.",
    ({ leads, leaderWatched }) => Number(leads || leaderWatched),
  );
  gauge(
    'scheduler_address_ok',
    '1 while ADDRESS leads to this replica, and to it alone, else 0; NaN before the first check.',
    ({ addressOk }) => addressOk === null ? NaN : Number(addressOk),
  );
  gauge('scheduler_due_queue_length', 'Schedules in the due queue.', ({ schedules }) => schedules);
  gauge(
    'scheduler_schedules_limit',
    'Schedules that a replica has room for: MAX_SCHEDULES.',
    () => limits.schedules,
  );
  gauge('scheduler_moments', 'Moments of at_times schedules in the due queue.', ({ moments }) => moments);
  gauge('scheduler_moments_limit', 'Moments that a replica has room for: MAX_MOMENTS.', () => limits.moments);
  gauge('scheduler_live_job_actors', 'Schedules with a live job actor.', ({ liveJobs }) => liveJobs);
  gauge(
    'scheduler_run_places',
    'Runs that this replica executes at a time, at most.',
    ({ places }) => places.max,
  );
  gauge(
    'scheduler_run_places_used',
    'Runs that this replica executes, or whose end it has yet to record.',
    ({ places }) => places.used,
  );
}
