import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '../../../src/actors/shared/environment.ts';
import { watchLoop } from '../../../src/infra/machine/loopWatch.ts';
import { openMetrics } from '../../../src/infra/metrics/metrics.ts';
import { samplesOf } from '../../support/prometheus.ts';
import { VITALS } from '../../support/replicas.ts';

const LOSSES = { lines: 0, failures: 0 };

/** A loop in which the timer fires as late as a test says. */
function loop() {
  let nowMs = 0;
  let armed: { fn: () => void; dueMs: number } | null = null;
  const clock: Clock = {
    now: () => 0,
    monotonic: () => nowMs,
    setTimeout: (fn, delayMs) => (armed = { fn, dueMs: nowMs + delayMs }),
    clearTimeout: (handle) => void (armed = handle === armed ? null : armed),
  };
  const fireLateBy = (delayMs: number) => {
    const timer = armed;
    assert.ok(timer);
    nowMs = timer.dueMs + delayMs;
    armed = null;
    timer.fn();
  };
  return { clock, fireLateBy, isArmed: () => armed !== null };
}

function watched() {
  const { clock, fireLateBy, isArmed } = loop();
  const warnings: unknown[] = [];
  const delays: number[] = [];
  const logger = {
    debug() {},
    info() {},
    error() {},
    warn: (_: string, fields: unknown) => warnings.push(fields),
  };
  const end = watchLoop(clock, logger, (delayMs) => delays.push(delayMs));
  return { fireLateBy, isArmed, warnings, delays, end };
}

describe('the watch on the event loop', () => {
  it('measures how late its timer is, each time', () => {
    const { fireLateBy, delays, end, isArmed } = watched();
    for (const delayMs of [0, 3, 150]) fireLateBy(delayMs);
    assert.deepEqual(delays, [0, 3, 150]);
    end();
    assert.equal(isArmed(), false);
  });

  it('warns of more than 200 ms, once in 5 s', () => {
    const { fireLateBy, warnings } = watched();
    fireLateBy(200);
    assert.deepEqual(warnings, []);
    for (const delayMs of [201, 300, 400]) fireLateBy(delayMs);
    fireLateBy(6_000);
    assert.deepEqual(warnings, [{ delay_ms: 201, suppressed: 0 }, { delay_ms: 6_000, suppressed: 2 }]);
  });

  it('is read as a histogram, and as the longest since it was read', async () => {
    const { loop, text } = openMetrics('1.2.3', () => VITALS, () => LOSSES, { schedules: 1, moments: 1 });
    const longest = async () => samplesOf(await text())['scheduler_event_loop_delay_max_seconds'];
    for (const delayMs of [3, 250, 7]) loop(delayMs);
    const samples = samplesOf(await text());
    assert.equal(samples['scheduler_event_loop_delay_max_seconds'], 0.25);
    assert.equal(samples['scheduler_event_loop_delay_seconds_count'], 3);
    assert.equal(samples['scheduler_event_loop_delay_seconds_bucket{le="0.2"}'], 2);
    assert.equal(await longest(), 0);
  });
});
