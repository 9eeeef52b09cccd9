import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createActor } from 'xstate';
import { MAX_WRITTEN, outcomesMachine } from '../../../src/actors/runs/outcomes.ts';
import { lengthOf, oldest, queueOf } from '../../../src/domain/shared/queue.ts';
import { calls } from '../../support/machines/actors.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { type Walk, walk } from '../../support/machines/walk.ts';
import type { AttemptStart, Outcome } from '../../../src/domain/runs/outcome.ts';
import { claimed, outcomeOf } from '../../support/runs.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

const T = Date.UTC(2030, 0, 1);

/** The outcome of the n-th run. */
const outcome = (n: number) => outcomeOf(claimed('s', T + n));

const outcomes = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => outcome(from + index));
const event = (n: number) => ({ type: 'OUTCOME' as const, outcome: outcome(n) });
const STOP = { type: 'STOP' as const };

/** The n-th run's attempt goes on. */
const start = (n: number): AttemptStart => {
  const { id: run_id, attempt } = claimed('s', T + n);
  return { run_id, attempt, executor_boot: 'b1', started_at: new Date(T + n + 1), lateness_ms: 1 };
};
const startEvent = (n: number) => ({ type: 'START' as const, start: start(n) });

const idle = () => walk(outcomesMachine);
const gathering = () => idle().on(event(0));
const writing = () => gathering().after('gather');
const waiting = () => writing().fails('write');
/** With so many held, of which the first 500 are being written, or were. */
const full = (count: number) => ({
  batch: outcomes(0, MAX_WRITTEN),
  backlog: queueOf(outcomes(MAX_WRITTEN, count)),
  ...{ starts: [], writing: 0, stopping: false },
});
const holding = (count: number, value: string) =>
  walk(outcomesMachine, undefined, { value, context: full(count) });
/** All that is held, the oldest first. */
const heldBy = ({ context: { batch, backlog } }: Walk): Outcome[] => [...batch, ...oldest(backlog, Infinity)];

describe('outcomes', () => {
  it('gathers for a moment, then writes', () => {
    assert.equal(idle().state, 'idle');
    const it = gathering();
    assert.deepEqual([it.state, it.does], ['gathering', ['after 5']]);
    it.after('gather');
    assert.deepEqual([it.state, it.does], ['writing', ['start write']]);
    it.answers('write');
    assert.deepEqual([it.state, heldBy(it)], ['idle', []]);
  });

  it('goes on with what came while it wrote', () => {
    const it = writing().on(event(1)).answers('write');
    assert.deepEqual([it.state, heldBy(it)], ['gathering', [outcome(1)]]);
  });

  it('writes a full batch at once', () => {
    const it = idle();
    for (let n = 0; n < MAX_WRITTEN; n++) it.on(event(n));
    assert.deepEqual([it.state, it.context.batch.length], ['writing', MAX_WRITTEN]);
  });

  it('waits a moment after a write without an answer, then writes the same again', () => {
    const it = writing().fails('write', 'cut off');
    assert.deepEqual([it.state, it.does], ['waiting', [
      ['report', { message: 'outcomes could not be recorded; retrying', error: 'cut off' }],
      'after 200',
    ]]);
    it.on(event(1)).after('retry');
    assert.deepEqual([it.state, it.context.batch], ['writing', [outcome(0), outcome(1)]]);
  });

  for (const state of ['writing', 'waiting']) {
    it(`keeps every outcome while ${state}, however many: each holds the place of its run`, () => {
      const it = holding(20_000, state).on(event(20_000));
      assert.deepEqual([it.does, it.state], [[], state]);
      assert.deepEqual(heldBy(it), outcomes(0, 20_001));
    });
  }

  it('takes the next outcome without copying those that wait', () => {
    const it = holding(20_000, 'waiting');
    const { items } = it.on(event(20_000)).context.backlog;
    for (let n = 1; n <= 100; n++) {
      it.on(event(20_000 + n));
      assert.equal(it.context.backlog.items, items, 'the same array');
    }
  });

  it('writes which attempts go on, with the outcomes, and forgets them when they are written', () => {
    const it = idle().on(startEvent(0));
    assert.equal(it.state, 'gathering');
    it.on(event(1)).after('gather');
    assert.deepEqual([it.state, it.context.starts, it.context.batch], ['writing', [start(0)], [outcome(1)]]);
    it.on(startEvent(2)).answers('write');
    assert.deepEqual(
      [it.state, it.context.starts, heldBy(it)],
      ['gathering', [start(2)], []],
      'what came since',
    );
    it.after('gather').answers('write');
    assert.deepEqual([it.state, it.context.starts], ['idle', []]);
  });

  it('writes starts again, with those that came since, after a write without an answer', () => {
    const it = idle().on(startEvent(0)).after('gather').on(startEvent(1)).fails('write');
    assert.equal(it.state, 'waiting');
    it.after('retry');
    assert.deepEqual(it.context.starts, [start(0), start(1)]);
    it.answers('write');
    assert.deepEqual([it.state, it.context.starts], ['idle', []]);
  });

  it('stops at once when there is nothing to write', () => {
    assert.equal(idle().on(STOP).state, 'stopped');
  });

  it('writes what is left before it stops, without gathering', () => {
    const it = gathering().on(STOP);
    assert.equal(it.state, 'writing');
    it.on(event(1)).answers('write');
    assert.equal(it.state, 'writing', 'what came meanwhile, too');
    it.answers('write');
    assert.equal(it.state, 'stopped');
  });

  it('does not stop while the store does not answer: that it is enough is for others to say', () => {
    const it = waiting().on(STOP);
    assert.equal(it.state, 'waiting');
    it.after('retry').fails('write');
    assert.equal(it.state, 'waiting');
    assert.equal(it.after('retry').answers('write').state, 'stopped');
  });

  it('can reach every state, by every transition', () => {
    /** Almost a full batch; more than one, when the first 500 of them could not be written. */
    const almost = { ...full(0), batch: [], backlog: queueOf(outcomes(0, MAX_WRITTEN - 1)) };
    const from = [{ value: 'idle', context: almost }, {
      value: 'waiting',
      context: full(2 * MAX_WRITTEN - 1),
    }];
    const { reached, all, untaken } = reachable(outcomesMachine, {
      from,
      events: [event(0), startEvent(0), STOP],
      answers: { write: [undefined] },
      by: ({ backlog, batch, starts, writing, stopping }) => [
        [1, MAX_WRITTEN, 2 * MAX_WRITTEN].filter((size) => batch.length + lengthOf(backlog) >= size).length,
        batch.length > 0,
        Math.min(starts.length, 2),
        Math.min(writing, 2),
        stopping,
      ],
      invariant: (state, { backlog, batch, starts, stopping }, underWay) => {
        if (from.some(({ context }) => context.backlog === backlog)) return;
        const held = batch.length + lengthOf(backlog) + starts.length;
        assert.ok(batch.length <= MAX_WRITTEN, 'bounded (G9)');
        assert.deepEqual(underWay, state === 'writing' ? ['write'] : [], 'one write at a time');
        const isWriting = state === 'writing' || state === 'waiting';
        if (batch.length > 0) assert.ok(isWriting, 'it is written, or repeated');
        assert.equal(
          held === 0,
          state === 'idle' || state === 'stopped',
          'all is written, or goes on',
        );
        if (state === 'gathering') assert.ok(held < MAX_WRITTEN && !stopping, 'no waiting for more');
        if (state === 'idle') assert.equal(stopping, false);
        if (state === 'stopped') assert.equal(stopping, true);
      },
    });
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
  });
});

function running() {
  const clock = new SimClock();
  const write = calls<void, { outcomes: readonly Outcome[]; starts: readonly AttemptStart[] }>();
  const actor = createActor(
    outcomesMachine.provide({
      actors: { write: write.slot },
      actions: { report: () => {} },
    }),
    { clock },
  );
  actor.start();
  const send = (from: number, to: number) =>
    outcomes(from, to).forEach((one) => actor.send({ type: 'OUTCOME', outcome: one }));
  return { clock, write, actor, send };
}

describe('outcomes, as an actor', () => {
  it('writes at most 500 at a time, one write after the other, in order', async () => {
    const { clock, write, send } = running();
    send(0, 1200);
    const sizes: number[] = [];
    for (let count = 0; count < 3; count++) {
      await clock.advance(5);
      assert.equal(write.list.length, sizes.length + 1, 'never two at once');
      sizes.push(write.last.input.outcomes.length);
      await write.last.answer();
    }
    assert.deepEqual(sizes, [500, 500, 200]);
    assert.deepEqual(write.list.flatMap((call) => call.input.outcomes), outcomes(0, 1200));
    await clock.advance(1000);
    assert.equal(write.list.length, 3, 'nothing twice');
  });

  it('repeats a write without an answer until there is one', async () => {
    const { clock, write, send } = running();
    send(0, 700);
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.equal(write.list.length, attempt);
      assert.deepEqual(write.last.input.outcomes, outcomes(0, 500));
      await write.last.fail();
      await clock.advance(199);
      assert.equal(write.list.length, attempt);
      await clock.advance(1);
    }
    await write.last.answer();
    await clock.advance(5);
    assert.deepEqual(write.last.input.outcomes, outcomes(500, 700));
  });

  it('writes everything that is left after STOP, then ends', async () => {
    const { write, actor, send } = running();
    send(0, 3);
    actor.send(STOP);
    assert.deepEqual(write.last.input.outcomes, outcomes(0, 3), 'at once');
    send(3, 5);
    await write.last.answer();
    assert.equal(actor.getSnapshot().status, 'active');
    assert.deepEqual(write.last.input.outcomes, outcomes(3, 5));
    await write.last.answer();
    assert.equal(actor.getSnapshot().status, 'done');
  });
});
