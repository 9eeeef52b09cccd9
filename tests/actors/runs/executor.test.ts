import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { executorMachine, MAX_TAKEN } from '../../../src/actors/runs/executor.ts';
import { Places } from '../../../src/domain/runs/places.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { type Walk, walk } from '../../support/machines/walk.ts';
import {
  AVAILABLE,
  ENDING,
  fill,
  found,
  FREED,
  input,
  LOST,
  ours,
  STOP,
  T,
  waitingRuns,
  WON,
} from './executorSetup.ts';

const ONE = waitingRuns(1);

/** Always as many as in the beginning: each way through the machine has its own. */
class Endless extends Places {
  override take(): boolean {
    return true;
  }
}

describe('executor', () => {
  const looking = () => walk(executorMachine, input().input);
  const waiting = () => looking().answers('look', found([]));
  const taking = () => looking().answers('look', found(ONE));
  const unanswered = () => taking().fails('take', 'cut off');

  it('looks for runs as soon as it starts, and every second at least', () => {
    const it = looking();
    assert.deepEqual([it.state, it.does.at(-1)], ['looking', 'start look']);
    it.answers('look', found([]));
    assert.deepEqual([it.state, it.does], ['waiting', ['after 1000']]);
  });

  it('takes what it found, and waits for more when its jobs have that', () => {
    const it = taking();
    assert.deepEqual([it.state, it.does], ['taking', ['start take']]);
    assert.deepEqual(it.context.chosen, ONE);
    const runs = ours(ONE);
    it.answers('take', runs);
    assert.deepEqual([it.state, it.does], ['waiting', [['handOver', { runs }], 'after 1000']]);
    assert.deepEqual(it.context.chosen, []);
  });

  it('repeats a taking without an answer until there is one: what is ours by it is nobody else’s', () => {
    const it = unanswered();
    assert.deepEqual([it.state, it.does], ['unanswered', [
      ['report', { message: 'the taking of runs got no answer; repeating it', error: 'cut off' }],
      'after 200',
    ]]);
    it.after('retry');
    assert.deepEqual([it.state, it.does, it.context.chosen], ['taking', ['start take'], ONE]);
    for (const event of [LOST, ENDING, WON, AVAILABLE, FREED]) assert.equal(it.on(event).state, 'taking');
    assert.equal(it.fails('take').after('retry').answers('take', ours(ONE)).does[0]?.[0], 'handOver');
  });

  it('says that a look has failed, and looks again within a second', () => {
    const it = looking().fails('look', 'cut off');
    const message = 'the search for runs to execute failed; retrying';
    assert.deepEqual([it.state, it.does], ['waiting', [
      ['report', { message, error: 'cut off' }],
      'after 1000',
    ]]);
  });

  it('stops at once while it waits, and takes nothing more', () => {
    const it = waiting().on(STOP);
    assert.deepEqual([it.state, it.underWay], ['stopped', []]);
    for (const event of [AVAILABLE, FREED, WON, STOP]) {
      assert.deepEqual([it.on(event).state, it.does], ['stopped', []]);
    }
  });

  it('hands back what it takes while it is stopped, for as long as that takes', () => {
    const stopped: [string, () => Walk][] = [
      ['while it takes', () => taking().on(STOP)],
      ['while it looks', () => looking().on(STOP).answers('look', found(ONE))],
      ['while the taking has no answer', () => unanswered().on(STOP).after('retry')],
    ];
    for (const [when, make] of stopped) {
      const it = make();
      assert.equal(it.state, 'taking', when);
      it.answers('take', ours(ONE));
      assert.deepEqual([it.state, it.does], ['handingBack', ['start handBack']], when);
      assert.deepEqual(it.context.chosen, ours(ONE));
      it.fails('handBack', 'cut off');
      const message = 'runs that have not begun could not be handed back; retrying';
      assert.deepEqual([it.state, it.does], ['notHandedBack', [
        ['report', { message, error: 'cut off' }],
        'after 200',
      ]]);
      it.after('retry').answers('handBack', []);
      assert.deepEqual([it.state, it.does], ['stopped', ['freeChosen']]);
    }
  });

  it('can reach every state, by every transition', () => {
    const many = waitingRuns(MAX_TAKEN);
    const search = (parts: ReturnType<typeof input>) =>
      reachable(executorMachine, {
        inputs: [{ ...parts.input, places: new Endless(500) }],
        events: [AVAILABLE, FREED, WON, LOST, ENDING, STOP],
        answers: {
          look: [found([]), found([], T), found(ONE), found(many)],
          take: [[], ours(ONE)],
          handBack: [[]],
        },
        by: ({ leads, stopping, chosen, lookAtMs, isFull }) => [
          ...[leads, stopping, isFull, chosen.length > 0],
          lookAtMs <= T,
        ],
        invariant: (state, { stopping, chosen }, underWay) => {
          const slot = { looking: 'look', taking: 'take', handingBack: 'handBack' }[state];
          assert.deepEqual(underWay, slot === undefined ? [] : [slot], 'one thing at a time');
          assert.ok(chosen.length <= MAX_TAKEN, 'bounded (G9)');
          if (state === 'taking' || state === 'unanswered') assert.ok(chosen.length > 0);
          if (state === 'waiting') assert.deepEqual([chosen, stopping], [[], false], 'nothing is forgotten');
        },
      });
    const { reached, all, untaken } = search(input());
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
    const idle = input({ standbyExecutes: false });
    const standby = reachable(executorMachine, {
      inputs: [idle.input],
      events: [AVAILABLE, FREED, LOST, ENDING],
      by: ({ lookAtMs }) => lookAtMs <= T,
    });
    assert.deepEqual(standby.reached, ['waiting'], 'a standby that is not to execute does not even look');
    const full = input();
    fill(full.places, 500);
    const busy = reachable(executorMachine, {
      inputs: [full.input],
      events: [AVAILABLE, FREED, WON, LOST],
      by: ({ leads, lookAtMs }) => [leads, lookAtMs <= T],
    });
    assert.deepEqual(busy.reached, ['waiting'], 'without a place it does not look');
  });
});
