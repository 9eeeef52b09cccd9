import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adoptionMachine, MAX_ADOPTED } from '../../../src/actors/runs/adoption.ts';
import { DEAD_AFTER_MS } from '../../../src/actors/runs/executorWatch.ts';
import { lost } from '../../../src/domain/runs/life.ts';
import { NO_MARK } from '../../support/leases.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { walk } from '../../support/machines/walk.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { afterLoss, ENDING, input, LOST, ORPHAN, T, WON } from './adoptionSetup.ts';

/** Monotonic, at T. */
const NOW_MS = new SimClock(T).monotonic();

const MATURE = { sinceMs: NOW_MS - DEAD_AFTER_MS, answeredMs: NOW_MS, serverAheadMs: T - NOW_MS };
const CHANGE = lost(ORPHAN, new Date(T));

describe('adoption', () => {
  /** In the middle, having watched for long enough. */
  const within = (value: string, more: object = {}) =>
    walk(adoptionMachine, undefined, {
      value,
      context: { ...input().input, leads: true, watch: MATURE, changes: [], ...more },
    });
  const idle = () => walk(adoptionMachine, input().input);
  const searching = () => idle().on(WON).after('headStart');
  /** About to search, and sure of who is dead. */
  const sure = () => within('resting').after('interval');

  it('is at work only while the lease is ours', () => {
    assert.deepEqual([idle().state, idle().does], ['idle', []]);
    const it = idle().on(WON);
    assert.deepEqual([it.state, it.does], ['holdingBack', ['after 100']], 'the first claim goes first');
    it.after('headStart');
    assert.deepEqual([it.state, it.does], ['searching', ['start search']]);
    for (const end of [LOST, ENDING]) {
      assert.equal(idle().on(WON).on(end).state, 'idle');
      assert.deepEqual([searching().on(end).state, within('resting').on(end).state], ['idle', 'idle']);
    }
    assert.equal(searching().on(LOST).on(WON).state, 'holdingBack');
    assert.equal(idle().on({ type: 'LEASE.SEEN', mark: NO_MARK }).state, 'idle');
  });

  it('looks again every second when there is no orphan, or no answer', () => {
    const it = searching().answers('search', []);
    assert.deepEqual([it.state, it.does], ['resting', ['after 1000']]);
    it.after('interval').fails('search', 'cut off');
    const message = 'orphaned runs could not be searched for; retrying';
    assert.deepEqual([it.state, it.does], ['resting', [
      ['report', { message, error: 'cut off' }],
      'after 1000',
    ]]);
    assert.equal(it.after('interval').state, 'searching');
  });

  it('makes what it found unowned, or ends it, and tells what has come of that', () => {
    const it = sure().answers('search', [ORPHAN]);
    assert.deepEqual([it.state, it.does], ['adopting', ['start adopt']]);
    assert.deepEqual(it.context.changes, [CHANGE]);
    const after = [afterLoss(ORPHAN)];
    it.answers('adopt', after);
    assert.deepEqual([it.state, it.does], ['resting', [['adopted', { runs: after }], 'after 1000']]);
  });

  it('searches again after an adoption without an answer: what has taken effect is no orphan any more', () => {
    const it = sure().answers('search', [ORPHAN]).fails('adopt', 'cut off');
    assert.deepEqual([it.state, it.does], ['resting', [
      ['report', { message: 'an adoption of runs got no answer; searching again', error: 'cut off' }],
      'after 1000',
    ]]);
    assert.equal(it.after('interval').state, 'searching');
  });

  it('waits for an adoption on its way when the lease ends, and does nothing more', () => {
    for (const end of [LOST, ENDING]) {
      for (const answers of [true, false]) {
        const it = sure().answers('search', [ORPHAN]).on(end);
        assert.equal(it.state, 'adopting');
        if (answers) it.answers('adopt', [afterLoss(ORPHAN)]);
        else it.fails('adopt');
        assert.equal(it.state, 'idle');
      }
    }
  });

  it('can reach every state, by every transition', () => {
    const { input: parts } = input();
    const many = Array.from({ length: MAX_ADOPTED }, () => ORPHAN);
    const { reached, all, untaken } = reachable(adoptionMachine, {
      inputs: [parts],
      // The clock stands still: it begins also when it has watched for long enough.
      from: [{ value: 'resting', context: { ...searching().context, ...parts, watch: MATURE } }],
      events: [WON, LOST, ENDING],
      answers: { search: [[], [ORPHAN], many], adopt: [[afterLoss(ORPHAN)], []] },
      by: ({ leads, watch, changes }) => [
        leads,
        watch !== null && watch.answeredMs - watch.sinceMs,
        changes.length,
      ],
      invariant: (state, { leads, watch, changes }, underWay) => {
        assert.deepEqual(
          underWay,
          { searching: ['search'], adopting: ['adopt'] }[state] ?? [],
          'one adoption at a time',
        );
        if (state !== 'adopting') {
          assert.equal(leads, state !== 'idle', 'it searches only while it leads');
          return;
        }
        assert.ok(changes.length > 0 && changes.length <= MAX_ADOPTED, 'bounded (G9)');
        // The watch begins anew with another leadership.
        if (watch !== null) assert.deepEqual(watch, MATURE, 'it is sure of the death');
      },
    });
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
  });
});
