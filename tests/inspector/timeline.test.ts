import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawing, ticks, zoomed } from '../../src/http/inspector/page/timeline/timeline.js';

const NOW = Date.UTC(2030, 0, 1, 12);
const MINUTE = 60_000;

const iso = (ms: number) => new Date(ms).toISOString();

/** Terms of a minute each up to now, newest first; the newest has not ended. */
function terms(count: number, { gapMs = 50, replicas = 3 } = {}) {
  return Array.from({ length: count }, (_, i) => ({
    term: count - i,
    replica: `r${(count - i) % replicas}`,
    boot: `b${count - i}`,
    began_at: iso(NOW - (i + 1) * MINUTE + gapMs),
    began_by: 'acquired',
    ended_at: i === 0 ? null : iso(NOW - i * MINUTE),
    ended_by: i === 0 ? null : 'released',
    gap_ms: gapMs,
  }));
}

describe('the drawing of the timeline', () => {
  it('has a bar for each term in the window, to scale, and a gap before each', () => {
    const window = { from: NOW - 3 * MINUTE, to: NOW, width: 1800, nowMs: NOW };
    const { lanes, bars, gaps } = drawing(terms(10, { gapMs: 6000 }), ['r0', 'r1', 'r2'], window);
    assert.deepEqual(lanes, ['r0', 'r1', 'r2']);
    const whole = bars.filter(({ startsHere }) => startsHere);
    assert.deepEqual(whole.map(({ x, width, lane }) => [x, width, lane]), [[60, 540, 2], [660, 540, 0], [
      1260,
      540,
      1,
    ]]);
    assert.deepEqual(gaps.map(({ x, width, ms }) => [x, width, ms]), [[0, 60, 6000], [600, 60, 6000], [
      1200,
      60,
      6000,
    ]]);
    assert.equal(bars.at(-1)?.endsHere, false, 'the newest has not ended');
  });

  it('draws terms too short to distinguish as one bar, with their number', () => {
    const window = { from: NOW - 1000 * MINUTE, to: NOW, width: 900, nowMs: NOW };
    const { bars, gaps } = drawing(terms(1000, { replicas: 2 }), [], window);
    assert.ok(bars.length < 500, `${bars.length}`);
    assert.equal(bars.reduce((sum, bar) => sum + bar.terms.length, 0), 1000);
    assert.ok(gaps.length <= 450, `${gaps.length}`);
    assert.equal(gaps.reduce((sum, gap) => sum + gap.count, 0), 1000);
    const labelled = gaps.filter(({ isLabelled }) => isLabelled).map(({ x, width }) => x + width / 2);
    assert.ok(labelled.every((x, i) => i === 0 || x - (labelled[i - 1] ?? 0) >= 52), 'labels do not overlap');
  });

  it('shows a gap that continues', () => {
    const [newest, ...others] = terms(3);
    const over = { ...newest!, ended_at: iso(NOW - 10_000), ended_by: 'expired' };
    const { gaps } = drawing([over, ...others], [], {
      from: NOW - MINUTE,
      to: NOW + MINUTE,
      width: 1200,
      nowMs: NOW,
    });
    const last = gaps.at(-1);
    assert.deepEqual([last?.x, last?.width, last?.ms, last?.term], [500, 100, 10_000, null]);
  });

  it('has one lane for all others when there are very many replicas', () => {
    const window = { from: NOW - 40 * MINUTE, to: NOW, width: 4000, nowMs: NOW };
    const { lanes, bars } = drawing(terms(40, { replicas: 40 }), ['r1'], window);
    assert.equal(lanes.length, 12);
    assert.equal(lanes.at(-1), 'others');
    assert.equal(bars.reduce((sum, bar) => sum + bar.terms.length, 0), 40);
  });

  it('marks the axis at round times, as many as there is room for', () => {
    const marks = ticks({ from: NOW - 30 * MINUTE, to: NOW, width: 1100 });
    assert.deepEqual(marks.map(({ ms }) => ms % (5 * MINUTE)), marks.map(() => 0));
    assert.equal(marks.length, 7);
    assert.ok(ticks({ from: NOW - 3000, to: NOW, width: 1100 }).length >= 6);
  });

  it('zooms around a point, within bounds', () => {
    assert.deepEqual(zoomed({ from: 0, to: 1000 }, 2, 1), { from: -1000, to: 1000 });
    assert.deepEqual(zoomed({ from: 0, to: 300 }, 0.001), { from: 50, to: 250 });
    const { from, to } = zoomed({ from: 0, to: 100 * 86_400_000 }, 100);
    assert.equal(to - from, 120 * 86_400_000);
  });
});
