/** The places of an executor: bounded (G9), and fair between schedules (G10). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Places, takePlaces } from '../../../src/domain/runs/places.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { unowned } from '../../support/runs.ts';

const T = Date.UTC(2030, 0, 1);

/** So many runs of a schedule, oldest first. */
const runsOf = (id: string, count: number, fromMs = 0): Run[] =>
  Array.from({ length: count }, (_, k) => unowned(id, T + fromMs + k));

/** As `schedule second`. */
const named = (runs: readonly Run[]) =>
  runs.map(({ schedule_id, scheduled_for }) => `${schedule_id} ${scheduled_for.getTime() - T}`);

describe('places', () => {
  it('are taken one for each run, and free again when it is over', () => {
    const places = new Places(3);
    assert.deepEqual([places.take('a1', 'a'), places.take('b1', 'b')], [true, true]);
    assert.deepEqual([places.free, places.used, places.of('a'), places.holds('a1')], [1, 2, 1, true]);
    places.release('a1');
    assert.deepEqual([places.free, places.used, places.of('a'), places.holds('a1')], [2, 1, 0, false]);
  });

  it('are no more than there are', () => {
    const places = new Places(2);
    assert.deepEqual(['x', 'y', 'z'].map((id) => places.take(id, id)), [true, true, false]);
    places.release('nobody');
    assert.equal(places.free, 0, 'what holds none frees none');
  });

  it('are taken once for each run, and freed once', () => {
    const places = new Places(2);
    assert.deepEqual([places.take('a1', 'a'), places.take('a1', 'a')], [true, true]);
    assert.equal(places.free, 1);
    places.release('a1');
    places.release('a1');
    assert.deepEqual([places.free, places.used, places.of('a')], [2, 0, 0]);
  });

  it('are never all taken by one schedule, however many runs it has', () => {
    for (const max of [9, 18, 90, 500]) {
      const places = new Places(max);
      const taken = takePlaces(places, runsOf('a', 1000));
      assert.equal(taken.length, Math.ceil(max * 8 / 9), `of ${max}`);
      assert.equal(places.take('b', 'b'), true, 'one with a single run still finds a place');
    }
  });

  it('are shared by schedules that all have more runs than places', () => {
    const places = new Places(100);
    const runs = { a: runsOf('a', 1000), b: runsOf('b', 1000), c: runsOf('c', 1000) };
    const ids = Object.keys(runs) as (keyof typeof runs)[];
    for (const id of ids) takePlaces(places, runs[id]);
    assert.ok(places.of('b') > 0 && places.of('c') > 0);
    for (let round = 0; round < 300; round++) {
      // What has most ends first, as its runs are the oldest.
      const most = ids.reduce((x, y) => places.of(x) >= places.of(y) ? x : y);
      const held = runs[most].find(({ id }) => places.holds(id)) as Run;
      places.release(held.id);
      takePlaces(places, ids.flatMap((id) => runs[id]));
    }
    const shares = ids.map((id) => places.of(id));
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, `${shares}`);
  });
});

describe('takePlaces', () => {
  it('takes the oldest of each schedule in turn', () => {
    const places = new Places(500);
    const runs = [...runsOf('a', 3), ...runsOf('b', 2, 10), ...runsOf('c', 1, 20)];
    assert.deepEqual(named(takePlaces(places, runs)), ['a 0', 'b 10', 'c 20', 'a 1', 'b 11', 'a 2']);
  });

  it('prefers the schedule that holds fewest', () => {
    const places = new Places(500);
    takePlaces(places, runsOf('a', 2, 1000));
    const taken = takePlaces(places, [...runsOf('a', 2), ...runsOf('b', 3, 10)]);
    assert.deepEqual(named(taken), ['b 10', 'b 11', 'a 0', 'b 12', 'a 1']);
  });

  it('leaves out what holds a place already', () => {
    const places = new Places(500);
    const runs = runsOf('a', 3);
    takePlaces(places, runs.slice(0, 1));
    assert.deepEqual(named(takePlaces(places, runs)), ['a 1', 'a 2']);
    assert.deepEqual(takePlaces(places, runs), []);
  });

  it('never takes more than there are, nor the last place for a schedule that has others', () => {
    const story = fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd'), count: fc.nat(30) }));
    fc.assert(fc.property(fc.integer({ min: 1, max: 60 }), story, (max, story) => {
      const places = new Places(max);
      let atMs = 0;
      for (const { id, count } of story) {
        const runs = runsOf(id, count, atMs += 100);
        const before = places.used;
        const taken = takePlaces(places, runs);
        assert.deepEqual(taken, runs.slice(0, taken.length), 'oldest first');
        assert.equal(places.used, before + taken.length);
        assert.ok(places.used <= max);
        // An argument with its own numbers: the last of its places was taken while 8 times as many were free.
        if (taken.length > 0) assert.ok(places.of(id) <= 8 * (places.free + 1), `${id} of ${max}`);
        if (taken.length < runs.length) {
          assert.ok(places.of(id) >= 8 * places.free, 'no place stays empty without need');
        }
      }
    }));
  });
});
