import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ElectionNews } from '../../../src/actors/leadership/electionEvents.ts';
import { StoreRefused, StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import type { Outcome } from '../../../src/domain/runs/outcome.ts';
import { openMetrics } from '../../../src/infra/metrics/metrics.ts';
import { samplesOf, typesOf } from '../../support/prometheus.ts';
import { claimed } from '../../support/runs.ts';

const T = Date.UTC(2030, 0, 1);
const VITALS = {
  leads: true,
  term: 7,
  watermarkMs: T + 500,
  schedules: 3,
  moments: 5,
  notUnderstood: 0,
  clockBehindMs: 0,
  liveJobs: 2,
  places: { used: 1, max: 500 },
  addressOk: true,
  leaderWatched: false,
};

function metrics() {
  const vitals = { ...VITALS, watermarkMs: VITALS.watermarkMs as number | null };
  const losses = { lines: 12, failures: 3 };
  const it = openMetrics('1.2.3', () => vitals, () => losses, { schedules: 100, moments: 200 });
  return { ...it, vitals, samples: async () => samplesOf(await it.text()) };
}

const began = (began_by: string) =>
  ({ type: 'ELECTION.BEGAN', acquisition: { lease: { began_by } } }) as unknown as ElectionNews;

describe('the metrics', () => {
  it('have the names and types that are promised', async () => {
    const { text, contentType } = metrics();
    const types = typesOf(await text());
    const own = Object.entries(types).filter(([name]) => name.startsWith('scheduler_'));
    assert.deepEqual(Object.fromEntries(own), {
      scheduler_fire_lateness_seconds: 'histogram',
      scheduler_runs_total: 'counter',
      scheduler_missed_total: 'counter',
      scheduler_is_leader: 'gauge',
      scheduler_leader_term: 'gauge',
      scheduler_leadership_transitions_total: 'counter',
      scheduler_lease_renew_duration_seconds: 'histogram',
      scheduler_watermark_timestamp_seconds: 'gauge',
      scheduler_claim_batch_size: 'histogram',
      scheduler_server_clock_behind_seconds: 'gauge',
      scheduler_server_clock_steps_total: 'counter',
      scheduler_schedules_not_understood: 'gauge',
      scheduler_leader_watched: 'gauge',
      scheduler_address_ok: 'gauge',
      scheduler_due_queue_length: 'gauge',
      scheduler_schedules_limit: 'gauge',
      scheduler_moments: 'gauge',
      scheduler_moments_limit: 'gauge',
      scheduler_live_job_actors: 'gauge',
      scheduler_run_places: 'gauge',
      scheduler_run_places_used: 'gauge',
      scheduler_store_errors_total: 'counter',
      scheduler_not_understood_total: 'counter',
      scheduler_build_info: 'gauge',
      scheduler_http_requests_total: 'counter',
      scheduler_log_lines_dropped_total: 'counter',
      scheduler_log_write_failures_total: 'counter',
      scheduler_http_request_duration_seconds: 'histogram',
      scheduler_event_loop_delay_max_seconds: 'gauge',
      scheduler_event_loop_delay_seconds: 'histogram',
    });
    assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8');
  });

  it('say what the process uses, with labels of closed sets', async () => {
    const { text } = metrics();
    const types = typesOf(await text());
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes']) {
      assert.ok(types[name], name);
    }
    assert.ok(types['nodejs_heap_size_used_bytes']);
    assert.equal(types['nodejs_active_handles'], undefined, 'labelled with names of classes');
  });

  it('count what the log has lost, the same however often they are read', async () => {
    const { samples } = metrics();
    await samples();
    const { scheduler_log_lines_dropped_total: lines, scheduler_log_write_failures_total: failures } =
      await samples();
    assert.deepEqual([lines, failures], [12, 3]);
  });

  it('say who this is', async () => {
    const runtime = 'Deno' in globalThis ? 'deno' : 'node';
    const info = (await metrics().text()).split('\n').filter((line) =>
      line.startsWith('scheduler_build_info{')
    );
    assert.equal(info.length, 1);
    assert.match(
      info[0]!,
      new RegExp(`^scheduler_build_info\\{version="1.2.3",runtime="${runtime} [\\d.]+"\\} 1$`),
    );
  });

  it('are those of one replica: another one in the same process has its own', async () => {
    const [one, other] = [metrics(), metrics()];
    one.replica.abandoned(3);
    assert.equal((await one.samples())['scheduler_runs_total{state="abandoned"}'], 3);
    assert.equal((await other.samples())['scheduler_runs_total{state="abandoned"}'], 0);
  });

  it('look up what is so at the moment', async () => {
    const { samples, vitals } = metrics();
    const now = async () => {
      const all = await samples();
      const names = [
        'is_leader',
        'leader_term',
        'watermark_timestamp_seconds',
        'due_queue_length',
        'live_job_actors',
        'run_places_used',
        'run_places',
        'server_clock_behind_seconds',
        'schedules_not_understood',
        'leader_watched',
        'address_ok',
      ];
      return names.map((name) => all[`scheduler_${name}`]);
    };
    assert.deepEqual(await now(), [1, 7, T / 1000 + 0.5, 3, 2, 1, 500, 0, 0, 1, 1]);
    Object.assign(vitals, {
      leads: false,
      term: 8,
      watermarkMs: null,
      schedules: 0,
      liveJobs: 0,
      places: { used: 20, max: 20 },
      clockBehindMs: 3_599_500,
      notUnderstood: 4,
      addressOk: null,
    });
    assert.deepEqual(await now(), [0, 8, NaN, 0, 0, 20, 20, 3599.5, 4, 0, NaN]);
    Object.assign(vitals, { addressOk: false, leaderWatched: true });
    assert.deepEqual((await now()).slice(-2), [1, 0]);
  });
});

describe('the metrics of runs', () => {
  it('count occurrences by state, and batches by size', async () => {
    const { replica, samples } = metrics();
    const missed = { state: 'missed', reason: 'catch_up_limit', count: 40 } as const;
    const skipped = { state: 'skipped', reason: 'superseded', count: 2 } as const;
    replica.claimed([claimed('a', T), claimed('b', T), claimed('c', T, missed), claimed('d', T, skipped)]);
    replica.claimed([]);
    replica.settled({ state: 'timed_out' } as Outcome);
    replica.abandoned(2);
    const all = await samples();
    const counts = Object.entries(all).filter(([name, value]) =>
      /^scheduler_(runs|missed)_/.test(name) && value > 0
    );
    assert.deepEqual(Object.fromEntries(counts), {
      'scheduler_runs_total{state="claimed"}': 2,
      'scheduler_runs_total{state="missed"}': 40,
      'scheduler_runs_total{state="skipped"}': 2,
      'scheduler_runs_total{state="timed_out"}': 1,
      'scheduler_runs_total{state="abandoned"}': 2,
      'scheduler_missed_total{reason="catch_up_limit"}': 40,
    });
    assert.deepEqual([all['scheduler_claim_batch_size_count'], all['scheduler_claim_batch_size_sum']], [
      1,
      4,
    ]);
  });

  it('time the first attempts from the nominal time on, and no others', async () => {
    const { replica, samples } = metrics();
    for (const lateness_ms of [-1, 0, 3, 45_000]) replica.attempting(claimed('a', T, { lateness_ms }));
    replica.attempting(claimed('a', T, { lateness_ms: 9000, attempt: 2 }));
    const all = await samples();
    const within = (le: string) => all[`scheduler_fire_lateness_seconds_bucket{le="${le}"}`];
    assert.deepEqual(['0.001', '0.005', '30', '60', '+Inf'].map(within), [2, 3, 3, 4, 4]);
    assert.equal(all['scheduler_fire_lateness_seconds_sum'], 45.003);
  });

  it('are there before anything has happened, so that the first event is an increase', async () => {
    const all = await metrics().samples();
    const states = [
      'claimed',
      'succeeded',
      'failed',
      'timed_out',
      'cancelled',
      'skipped',
      'missed',
      'abandoned',
    ];
    for (const state of states) assert.equal(all[`scheduler_runs_total{state="${state}"}`], 0, state);
    for (const reason of ['catch_up_window', 'catch_up_limit', 'catch_up_policy']) {
      assert.equal(all[`scheduler_missed_total{reason="${reason}"}`], 0, reason);
    }
    for (const reason of ['acquired', 'pre-empted', 'released', 'expired', 'fenced', 'stepped down']) {
      assert.equal(all[`scheduler_leadership_transitions_total{reason="${reason}"}`], 0, reason);
    }
  });
});

describe('the metrics of leadership', () => {
  it('count how terms began and ended', async () => {
    const { replica, samples } = metrics();
    replica.election({ type: 'ELECTION.ROLE', role: 'leader', by: 'acquired' });
    replica.election(began('acquired'));
    replica.election({ type: 'ELECTION.ENDED', term: 7, by: 'expired' });
    replica.election(began('pre-empted'));
    const counts = Object.entries(await samples()).filter(([name, value]) =>
      name.startsWith('scheduler_leadership_') && value > 0
    );
    assert.deepEqual(counts.map(([name, value]) => [/"(.*)"/.exec(name)?.[1], value]), [
      ['acquired', 1],
      ['pre-empted', 1],
      ['expired', 1],
    ]);
  });
});

describe("the metrics of the server's clock", () => {
  it('count its steps by their direction, and are there before the first', async () => {
    const { replica, samples } = metrics();
    const steps = async () => {
      const all = await samples();
      return ['back', 'forward'].map((to) => all[`scheduler_server_clock_steps_total{direction="${to}"}`]);
    };
    assert.deepEqual(await steps(), [0, 0]);
    for (const ms of [-40_000, 3_600_000, -1001]) replica.clockStepped(ms);
    assert.deepEqual(await steps(), [2, 1]);
  });
});

describe('the metrics of the store', () => {
  it('count failures by operation and kind, and time renewals', async () => {
    const { store, samples } = metrics();
    store.called('lease.renew', 4);
    store.called('lease.read', 4);
    store.failed('lease.renew', new StoreUnavailable('away'));
    store.failed('schedules.create', new StoreRefused('full', 'OutOfDiskSpace'));
    store.failed('schedules.create', new TypeError('x is not a function'));
    const all = await samples();
    const errors = (operation: string, kind: string) =>
      all[`scheduler_store_errors_total{operation="${operation}",kind="${kind}"}`];
    assert.deepEqual([
      errors('lease.renew', 'unavailable'),
      errors('schedules.create', 'refused'),
      errors('schedules.create', 'unexpected'),
    ], [1, 1, 1]);
    assert.equal(all['scheduler_lease_renew_duration_seconds_count'], 1);
    assert.equal(all['scheduler_lease_renew_duration_seconds_sum'], 0.004);
  });
});
