import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adoptionMachine } from '../../../src/actors/runs/adoption.ts';
import { MAX_ADOPTED } from '../../../src/actors/runs/adoptionPlan.ts';
import { DEAD_AFTER_MS } from '../../../src/actors/runs/executorWatch.ts';
import type { Adoption } from '../../../src/domain/runs/adoption.ts';
import { NO_MARK } from '../../support/leases.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { type Walk, walk } from '../../support/machines/walk.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import {
  ASKED_FOR,
  done,
  ENDING,
  found,
  input,
  LOST,
  MINE,
  ORPHAN,
  REQUESTED,
  SCHEDULE,
  T,
  WON,
} from './adoptionSetup.ts';

const RETRY: Adoption = { how: 'retry', run: ORPHAN, at: new Date(T) };

/** Monotonic, at T. */
const NOW_MS = new SimClock(T).monotonic();

const MATURE = { sinceMs: NOW_MS - DEAD_AFTER_MS, answeredMs: NOW_MS, serverAheadMs: T - NOW_MS };

describe('adoption', () => {
  /** In the middle, having watched for long enough. */
  const within = (value: string, more: object = {}) =>
    walk(adoptionMachine, undefined, {
      value,
      context: {
        ...input().input,
        grant: WON.grant,
        requested: false,
        watch: MATURE,
        plan: {
          adoptions: [RETRY],
          by: { replica: 'r2', boot: 'b2', term: 7 },
          schedules: new Map([['s', SCHEDULE]]),
          more: false,
          decidedMs: NOW_MS,
        },
        ...more,
      },
    });
  const idle = () => walk(adoptionMachine, input().input);
  const searching = () => idle().on(WON).after('headStart');

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
    const it = searching().answers('search', found());
    assert.deepEqual([it.state, it.does], ['resting', ['after 1000']]);
    it.after('interval').fails('search', 'cut off');
    const message = 'orphaned runs could not be searched for; retrying';
    assert.deepEqual([it.state, it.does], ['resting', [
      ['report', { message, error: 'cut off' }],
      'after 1000',
    ]]);
    assert.equal(it.after('interval').state, 'searching');
  });

  it('makes an adoption again until it is answered, whatever becomes of the lease, and rests or ends then', () => {
    for (const ends of [[], [LOST], [ENDING], [LOST, WON]]) {
      const it = within('unanswered').after('retry');
      assert.deepEqual([it.state, it.does], ['adopting', ['start adopt']]);
      for (const end of ends) it.on(end);
      assert.equal(it.state, 'adopting');
      it.fails('adopt', 'cut off');
      assert.deepEqual([it.state, it.does], ['unanswered', [
        ['report', { message: 'an adoption of runs got no answer; repeating it', error: 'cut off' }],
        'after 200',
      ]]);
      it.after('retry').answers('adopt', done(MINE));
      assert.equal(it.state, ends.length === 1 ? 'idle' : 'resting');
      assert.deepEqual(it.does[0], ['handOver', done(MINE)]);
      assert.deepEqual(it.does[1], ['adopted', { ...done(MINE), manual: 0 }]);
    }
  });

  it('can reach every state, by every transition', () => {
    const { input: parts } = input();
    const many = Array.from({ length: MAX_ADOPTED }, () => ORPHAN);
    const { reached, all, untaken } = reachable(adoptionMachine, {
      inputs: [parts],
      // The clock stands still: it begins also when it has watched for long enough.
      from: [{ value: 'resting', context: { ...searching().context, ...parts, watch: MATURE } }],
      events: [WON, LOST, ENDING, REQUESTED],
      answers: {
        search: [found(), found(ORPHAN), found(ASKED_FOR), found(...many)],
        adopt: [done(MINE), done()],
      },
      by: ({ grant, requested, watch, plan }) => [
        grant !== null,
        requested,
        watch !== null && watch.answeredMs - watch.sinceMs,
        plan.adoptions.length,
      ],
      invariant: (state, { grant, requested, watch, plan }, underWay) => {
        const isAdopting = state === 'adopting' || state === 'unanswered';
        assert.deepEqual(
          underWay,
          { searching: ['search'], adopting: ['adopt'] }[state] ?? [],
          'one adoption at a time',
        );
        if (!isAdopting) assert.equal(grant !== null, state !== 'idle', 'it searches only while it leads');
        if (state === 'resting') assert.equal(requested, false, 'no request waits for the next second');
        if (!isAdopting) return;
        assert.ok(plan.adoptions.length > 0 && plan.adoptions.length <= MAX_ADOPTED, 'bounded (G9)');
        assert.deepEqual(plan.by, { replica: 'r2', boot: 'b2', term: 7 });
        for (const { how, run } of plan.adoptions) {
          if (how === 'retry') assert.ok(plan.schedules.has(run.schedule_id), 'a job can be told of it');
          // The watch begins anew with another leadership.
          if (watch !== null && run === ORPHAN) assert.deepEqual(watch, MATURE, 'it is sure of the death');
        }
      },
    });
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
  });

  describe('of a run that was requested', () => {
    const young = { watch: null };
    const ours = { ...ASKED_FOR, attempt: 1, executor: 'r2', executor_boot: 'b2', term: 7 };
    const counts = { ...done(ours), manual: 1 };

    it('is made at once: no executor has to be dead', () => {
      const it = within('resting', young).on(REQUESTED);
      assert.deepEqual([it.state, it.does], ['searching', ['start search']]);
      it.answers('search', found(ASKED_FOR));
      assert.deepEqual([it.state, it.does], ['adopting', ['start adopt']]);
      it.answers('adopt', done(ours));
      assert.deepEqual(it.does.slice(0, 2), [['handOver', done(ours)], ['adopted', counts]]);
      assert.equal(it.state, 'resting');
    });

    it('is not lost, whenever it is asked for', () => {
      const adopting = () => searching().answers('search', found(ASKED_FOR));
      const unanswered = () => adopting().fails('adopt');
      const table: [make: () => Walk, step: (it: Walk) => unknown][] = [
        [searching, (it) => it.answers('search', found())],
        [searching, (it) => it.fails('search')],
        [adopting, (it) => it.answers('adopt', done(ours))],
        [adopting, (it) => it.fails('adopt').after('retry').answers('adopt', done())],
        [unanswered, (it) => it.after('retry').answers('adopt', done())],
      ];
      for (const [make, step] of table) {
        const it = make();
        const { state } = it;
        assert.deepEqual([it.on(REQUESTED).state, it.does], [state, []], 'one thing at a time');
        step(it);
        assert.deepEqual([it.state, it.does.at(-1)], ['searching', 'start search'], `${state}, ${step}`);
        assert.equal(it.answers('search', found()).state, 'resting', 'once');
      }
    });

    it('is found by the next leader when it was requested without a leader', () => {
      const it = idle().on(REQUESTED);
      assert.deepEqual([it.state, it.does], ['idle', []]);
      it.on(WON).after('headStart');
      assert.deepEqual([it.state, it.does], ['searching', ['start search']]);
      assert.equal(it.answers('search', found()).state, 'resting', 'that search was the answer');
    });
  });
});
