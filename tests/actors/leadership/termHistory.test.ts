import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createActor } from 'xstate';
import { termHistoryMachine } from '../../../src/actors/leadership/termHistory.ts';
import type { Acquisition } from '../../../src/domain/leadership/lease.ts';
import { calls } from '../../support/machines/actors.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { walk } from '../../support/machines/walk.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

/** The machine passes it on as it is: its term tells one from another. */
const win = (term: number) => ({ lease: { term }, previous: { term: term - 1 } }) as Acquisition;
const won = (term: number) => ({ type: 'WON' as const, acquisition: win(term) });

/** The termHistory, the terms that it was asked to write so far, and what it reported. */
function start() {
  const clock = new SimClock();
  const write = calls<void, Acquisition>();
  const reports: string[] = [];
  const actor = createActor(
    termHistoryMachine.provide({
      actors: { write: write.slot },
      actions: { report: (_, { message }) => void reports.push(message) },
    }),
    { clock },
  );
  actor.start();
  return { actor, clock, write, reports, asked: () => write.list.map(({ input }) => input.lease.term) };
}

describe('termHistory', () => {
  it('writes a win as it was told, a moment later: the first claim goes first', () => {
    const it = walk(termHistoryMachine);
    assert.deepEqual([it.state, it.does], ['idle', []]);
    it.on(won(1));
    assert.deepEqual([it.state, it.does], ['holdingBack', ['after 100']]);
    it.after('headStart');
    assert.deepEqual([it.state, it.does], ['writing', ['start write']]);
    assert.deepEqual(it.context.unwritten, [win(1)]);
    it.answers('write');
    assert.deepEqual([it.state, it.does, it.context.unwritten], ['idle', [], []]);
  });

  it('reports a writing without an answer, and tries again half a second later', () => {
    const it = walk(termHistoryMachine).on(won(1)).after('headStart').fails('write', 'cut off');
    assert.deepEqual([it.state, it.does], ['waiting', [
      ['report', { message: 'a term could not be recorded; retrying', error: 'cut off' }],
      'after 500',
    ]]);
    assert.equal(it.on(won(2)).state, 'waiting', 'a win does not hurry a store that is away');
    it.after('retry');
    assert.deepEqual([it.state, it.does], ['writing', ['start write']]);
  });

  it('writes one win after the other, in order, also those that came meanwhile', async () => {
    const { actor, clock, write, asked } = start();
    for (const term of [1, 2, 3]) actor.send(won(term));
    const answer = async () => {
      await write.last.answer();
      await clock.advance(100);
    };
    await clock.advance(100);
    assert.deepEqual(asked(), [1]);
    await answer();
    assert.deepEqual(asked(), [1, 2]);
    actor.send(won(4));
    for (let more = 0; more < 3; more++) await answer();
    assert.deepEqual(asked(), [1, 2, 3, 4]);
    assert.deepEqual(actor.getSnapshot().context.unwritten, []);
  });

  it('repeats one until it is answered, and only then goes on to the next', async () => {
    const { actor, clock, write, reports, asked } = start();
    actor.send(won(1));
    actor.send(won(2));
    await clock.advance(100);
    for (let tries = 1; tries <= 5; tries++) {
      assert.deepEqual(asked(), Array(tries).fill(1));
      await write.last.fail();
      await clock.advance(500);
    }
    await write.last.answer();
    await clock.advance(100);
    assert.deepEqual(asked().slice(5), [1, 2]);
    assert.equal(reports.length, 5);
    await write.last.answer();
    assert.deepEqual([actor.getSnapshot().value, clock.timers], ['idle', 0]);
  });

  it('can reach every state, by every transition', () => {
    const { reached, all, untaken } = reachable(termHistoryMachine, {
      events: [won(1)],
      answers: { write: [undefined] },
      by: ({ unwritten }) => Math.min(unwritten.length, 3),
      invariant: (state, { unwritten }, underWay) => {
        assert.equal(unwritten.length > 0, state !== 'idle', 'nothing rests that is not written');
        assert.deepEqual(underWay, state === 'writing' ? ['write'] : []);
      },
    });
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
  });
});
