import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CancellationInput, cancellationMachine } from '../../../src/actors/runs/cancellation.ts';
import type { JobPool } from '../../../src/actors/runs/jobs.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { calls, underParent } from '../../support/machines/actors.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { walk } from '../../support/machines/walk.ts';
import { claimed } from '../../support/runs.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

const HINT = { type: 'RUNS.CANCELLED' as const };
const OTHERS = [{ type: 'RUNS.AVAILABLE' as const }, { type: 'RUNS.FREED' as const }];
const RUN = claimed('s', 0, { is_last_attempt: true, reason: 'requested' });

/** A pool that has runs, or not, and takes note of what is cancelled. */
function pool(has = true) {
  const cancelled: string[] = [];
  const state = { has };
  const jobs = { hasRuns: () => state.has, cancel: ({ id }: Run) => void cancelled.push(id) } as JobPool;
  return { state, cancelled, input: { jobs, boot: 'b1' } satisfies CancellationInput };
}

describe('cancellation', () => {
  const start = (has = true) => walk(cancellationMachine, pool(has).input);

  it('looks every second while this replica has runs, and not otherwise', () => {
    const it = start();
    assert.deepEqual([it.state, it.does], ['waiting', ['after 1000']]);
    it.after('interval');
    assert.deepEqual([it.state, it.does.at(-1)], ['looking', 'start look']);
    it.answers('look', []);
    assert.equal(it.state, 'waiting');
    const idle = start(false).after('interval');
    assert.deepEqual([idle.state, idle.does], ['waiting', ['after 1000']]);
  });

  it('looks at once when it is hinted at, if it has runs', () => {
    assert.equal(start().on(HINT).state, 'looking');
    assert.equal(start(false).on(HINT).state, 'waiting');
    for (const other of OTHERS) assert.equal(start().on(other).state, 'waiting');
  });

  it('looks once more when it is hinted at while it looks: the answer may be older', () => {
    for (const end of ['answers', 'fails'] as const) {
      const it = start().on(HINT).on(HINT);
      assert.equal(it.state, 'looking');
      if (end === 'answers') it.answers('look', []);
      else it.fails('look');
      assert.equal(it.state, 'looking');
      assert.equal(it.answers('look', []).state, 'waiting', 'once');
    }
  });

  it('says that a look has failed, and looks again', () => {
    const it = start().on(HINT).fails('look', 'cut off');
    const message = 'requests to cancel runs could not be looked for; retrying';
    assert.deepEqual([it.state, it.does[0]], ['waiting', ['report', { message, error: 'cut off' }]]);
    assert.equal(it.after('interval').state, 'looking');
  });

  it('can reach every state, by every transition', () => {
    const { reached, all, untaken } = reachable(cancellationMachine, {
      inputs: [pool().input, pool(false).input],
      events: [HINT, ...OTHERS],
      answers: { look: [[], [RUN]] },
      by: ({ hinted }) => hinted,
      invariant: (state, { hinted, jobs }, underWay) => {
        assert.deepEqual(underWay, state === 'looking' ? ['look'] : [], 'one look at a time');
        if (state === 'waiting') assert.equal(hinted && jobs.hasRuns(), false, 'no hint waits');
      },
    });
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
  });

  it('aborts what it finds', async () => {
    const { state, cancelled, input } = pool(false);
    const clock = new SimClock();
    const look = calls<Run[], { boot: string }>();
    const machine = cancellationMachine.provide({
      actors: { look: look.slot },
      actions: { report: () => {} },
    });
    const under = underParent(machine, { clock, input });
    under.child.send(HINT);
    await clock.advance(3000);
    assert.equal(look.list.length, 0, 'nothing is asked without runs');
    state.has = true;
    await clock.advance(1000);
    assert.deepEqual(look.last.input, { boot: 'b1' });
    await look.last.answer([RUN]);
    assert.deepEqual([cancelled, under.state], [[RUN.id], 'waiting']);
  });
});
