import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { systemClock, systemSources } from '../../../src/infra/machine/clock.ts';
import { MonotonicTime, type TimeSources } from '../../../src/infra/machine/monotonicTime.ts';

/** A machine: true time, what it slept of that, and by how much its wall clock is off. */
function machine(uptimeStepMs = 10) {
  const at = { trueMs: 0, sleptMs: 0, wallMs: 0, looks: 0 };
  const sources: TimeSources = {
    awakeMs: () => 5000.25 + at.trueMs - at.sleptMs,
    wallMs: () => Math.floor(1.8e12 + at.trueMs + at.wallMs),
    uptimeMs() {
      at.looks++;
      return Math.floor((77_000 + at.trueMs) / uptimeStepMs) * uptimeStepMs;
    },
    uptimeStepMs,
  };
  const time = new MonotonicTime(sources);
  const clock = systemClock(sources);
  const startMs = time.nowMs();
  at.looks = 0;
  return {
    at,
    clock,
    passedMs: () => time.nowMs() - startMs,
    wakes: (ms: number) => void (at.trueMs += ms),
    sleeps: (ms: number) => void (at.trueMs += ms, at.sleptMs += ms),
  };
}

const near = (actual: number, expected: number, byMs: number) =>
  assert.ok(Math.abs(actual - expected) <= byMs, `${actual} is not ${expected} ± ${byMs}`);

describe('monotonic time', () => {
  it('counts the time that the machine has slept, to the millisecond', () => {
    const { passedMs, wakes, sleeps, clock } = machine();
    const startMs = clock.monotonic();
    wakes(100);
    sleeps(10_000);
    wakes(3);
    near(passedMs(), 10_103, 1);
    near(clock.monotonic() - startMs, 10_103, 1);
    sleeps(60);
    sleeps(3_600_000);
    near(passedMs(), 3_610_163, 2);
  });

  it('does not heed a wall clock that is set', () => {
    const { at, passedMs, wakes } = machine();
    for (const stepMs of [3_600_000, -7_200_000, 500, -500]) {
      at.wallMs += stepMs;
      wakes(7);
      passedMs();
    }
    assert.equal(passedMs(), 28);
  });

  it('counts a sleep also when the wall clock was set meanwhile, as exactly as the time since boot tells', () => {
    for (const stepMs of [3_600_000, -3_600_000, 5000, -5000]) {
      const { at, passedMs, sleeps } = machine();
      sleeps(10_000);
      at.wallMs += stepMs;
      near(passedMs(), 10_000, 20);
    }
  });

  it('counts by the second where the time since boot is told by the second', () => {
    const { at, passedMs, sleeps } = machine(1000);
    sleeps(10_300);
    near(passedMs(), 10_300, 1);
    at.wallMs += 60_000;
    near(passedMs(), 10_300, 1);
  });

  it('does not ask how long the machine has been up as long as the clocks go together', () => {
    const { at, passedMs, wakes } = machine();
    for (let ms = 0; ms < 100_000; ms += 10) {
      wakes(10);
      // A wall clock that is slewed.
      at.wallMs += 0.002;
      passedMs();
    }
    assert.equal(at.looks, 0);
  });

  it('takes no time for sleep in which the process was held up while it looked', () => {
    let trueMs = 0;
    let holdUps = 0;
    const time = new MonotonicTime({
      awakeMs: () => trueMs,
      wallMs: () => trueMs + (trueMs > 1000 ? 60_000 : 0),
      uptimeMs() {
        if (holdUps-- > 0) trueMs += 700;
        return trueMs;
      },
      uptimeStepMs: 10,
    });
    trueMs = 2000;
    holdUps = 2;
    time.nowMs();
    assert.equal(time.nowMs(), trueMs);
  });

  it('never goes back, and is never far off, whatever happens to the clocks', () => {
    const event = fc.record({
      what: fc.constantFrom('wakes', 'sleeps', 'wall'),
      ms: fc.integer({ min: 0, max: 100_000 }),
      back: fc.boolean(),
    });
    fc.assert(fc.property(fc.array(event, { maxLength: 50 }), (events) => {
      const { at, passedMs, wakes, sleeps } = machine();
      let lastMs = 0;
      for (const { what, ms, back } of events) {
        if (what === 'wakes') wakes(ms);
        // Shorter ones do not count.
        if (what === 'sleeps') sleeps(ms + 100);
        if (what === 'wall') at.wallMs += back ? -ms : ms;
        const nowMs = passedMs();
        assert.ok(nowMs >= lastMs);
        lastMs = nowMs;
      }
      near(passedMs(), at.trueMs, 25 * events.length);
    }));
  });

  it('goes together with the clock of this machine, which tells how long it has been up', () => {
    const sources = systemSources();
    const time = new MonotonicTime(sources);
    const [before, upBefore] = [time.nowMs(), sources.uptimeMs()];
    assert.ok(upBefore > 0);
    assert.ok(time.nowMs() >= before && sources.uptimeMs() >= upBefore);
    if (process.platform === 'linux') assert.equal(sources.uptimeStepMs, 10);
  });
});
