import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ATTEMPT_TIMEOUT_MS,
  CONFIRM_AFTER_MS,
  type RunInput,
  runMachine,
} from '../../../src/actors/runs/run.ts';
import { type Outcome, type Run, runId } from '../../../src/domain/runs/run.ts';
import type { Schedule } from '../../../src/domain/schedules/schedule.ts';
import { calls, underParent } from '../../support/machines/actors.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { walk } from '../../support/machines/walk.ts';
import { claimed } from '../../support/runs.ts';
import { every } from '../../support/schedules.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

const T = Date.UTC(2030, 0, 1);
const HOUR_MS = 3_600_000;
const SCHEDULE = every(100, T, { history: { success: '1h', failure: '2h' } });
const RUN = claimed('s', T, { attempt: 2 });

/** Server time goes on by 10 ms with every look. */
function input(sinceClaimMs = 30): RunInput {
  let nowMs = T + sinceClaimMs;
  return {
    run: RUN,
    schedule: SCHEDULE,
    oursSinceMs: 7000,
    serverNowMs: () => (nowMs += 10),
    monotonicMs: () => 7000 + sinceClaimMs,
  };
}

describe('run', () => {
  const ends: [event: string, state: string, step: (it: ReturnType<typeof walk>) => unknown][] = [
    ['the attempt answers', 'succeeded', (it) => it.answers('execute', { output: 'fine' })],
    ['the attempt fails', 'failed', (it) => it.fails('execute', new Error('refused'))],
    ['it takes too long', 'timedOut', (it) => it.after('timeout')],
    ['it is cancelled', 'cancelled', (it) => it.on({ type: 'CANCEL' })],
  ];
  for (const [when, state, step] of ends) {
    it(`is ${state} when ${when}, and that is final`, () => {
      const it = walk(runMachine, input());
      assert.deepEqual([it.state, it.does], ['attempting', [`after ${ATTEMPT_TIMEOUT_MS}`, 'start execute']]);
      step(it);
      assert.equal(it.state, state);
      it.on({ type: 'CANCEL' });
      assert.equal(it.state, state);
    });
  }

  it('takes anything that is thrown for a failure', () => {
    assert.equal(walk(runMachine, input()).fails('execute', 'just a text').context.error, 'just a text');
  });

  it('starts without a question within 2 s of its claim, and asks first after that', () => {
    assert.equal(walk(runMachine, input(CONFIRM_AFTER_MS)).state, 'attempting');
    const it = walk(runMachine, input(CONFIRM_AFTER_MS + 1));
    assert.deepEqual([it.state, it.does], ['confirming', ['start confirm']]);
    assert.deepEqual(it.answers('confirm', true).does, [`after ${ATTEMPT_TIMEOUT_MS}`, 'start execute']);
    assert.equal(it.state, 'attempting');
  });

  it("asks first also when the server's clock was set back meanwhile, and hides how late it is", () => {
    const it = walk(runMachine, { ...input(10_000), serverNowMs: () => T - 50_000 });
    assert.equal(it.state, 'confirming');
    const notAtAll = walk(runMachine, { ...input(10), serverNowMs: () => T + 50_000 });
    assert.equal(notAtAll.state, 'attempting');
  });

  it('asks again when the answer is as old as that: the machine may have slept on it', () => {
    let nowMs = 10_000;
    const it = walk(runMachine, { ...input(), oursSinceMs: 0, monotonicMs: () => nowMs });
    assert.equal(it.state, 'confirming');
    nowMs += CONFIRM_AFTER_MS + 1;
    it.answers('confirm', true);
    assert.deepEqual([it.state, it.does], ['unconfirmed', ['after 200']]);
    it.after('retry');
    nowMs += CONFIRM_AFTER_MS;
    assert.equal(it.answers('confirm', true).state, 'attempting');
  });

  it('is lost when it is not ours any more', () => {
    const it = walk(runMachine, input(5000)).answers('confirm', false);
    assert.deepEqual([it.state, it.underWay], ['lost', []]);
  });

  it('asks again until there is an answer', () => {
    const it = walk(runMachine, input(5000)).fails('confirm');
    assert.deepEqual([it.state, it.does], ['unconfirmed', ['after 200']]);
    it.after('retry');
    assert.deepEqual([it.state, it.does], ['confirming', ['start confirm']]);
  });

  it('can reach every state, by every transition', () => {
    let slowMs = 0;
    const slow = { ...input(), oursSinceMs: 0, monotonicMs: () => (slowMs += 3000) };
    const from = (...inputs: RunInput[]) =>
      reachable(runMachine, {
        inputs,
        events: [{ type: 'CANCEL' }],
        answers: { execute: [{ output: null }], confirm: [true, false] },
        invariant: (state, { startedMs, finishedMs, error }, underWay) => {
          assert.deepEqual(underWay, { attempting: ['execute'], confirming: ['confirm'] }[state] ?? []);
          const isEnded = ['succeeded', 'failed', 'timedOut', 'cancelled'].includes(state);
          assert.equal(
            finishedMs >= startedMs,
            isEnded,
            'it has an end when, and only when, it has an outcome',
          );
          assert.equal(error !== null, state === 'failed' || state === 'timedOut');
        },
      });
    const { reached, all, untaken } = from(input(), input(5000), slow);
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
    const asked = ['confirming', 'lost', 'unconfirmed'];
    assert.deepEqual(from(input()).reached, all.filter((state) => !asked.includes(state)));
  });
});

/** What the run's end is, under a parent. */
function running(sinceClaimMs = 40) {
  const clock = new SimClock(T + sinceClaimMs);
  const execute = calls<{ output: string | null }, { run: Run; schedule: Schedule }>();
  const confirm = calls<boolean, { run: Run }>();
  const machine = runMachine.provide({ actors: { execute: execute.slot, confirm: confirm.slot } });
  const under = underParent(machine, {
    clock,
    input: {
      run: RUN,
      schedule: SCHEDULE,
      oursSinceMs: clock.monotonic() - sinceClaimMs,
      serverNowMs: () => clock.now(),
      monotonicMs: () => clock.monotonic(),
    },
  });
  const outcomes = () => under.told.map((event) => event.output as Outcome);
  return { clock, execute, confirm, under, outcomes };
}

/** What the outcome is, but for how it ended. */
const COMMON = {
  run_id: runId('s', new Date(T)),
  schedule_id: 's',
  attempt: 2,
  executor_boot: 'b1',
  started_at: new Date(T + 40),
  lateness_ms: 40,
};

describe('run, as an actor', () => {
  it('says how late it started, to the action and in the outcome', async () => {
    const { clock, execute, outcomes } = running();
    assert.deepEqual(execute.last.input, {
      run: { ...RUN, started_at: new Date(T + 40), lateness_ms: 40 },
      schedule: SCHEDULE,
    });
    await clock.advance(25);
    await execute.last.answer({ output: 'fine' });
    assert.deepEqual(outcomes(), [{
      ...COMMON,
      state: 'succeeded',
      finished_at: new Date(T + 65),
      error: null,
      output: 'fine',
      expire_at: new Date(T + 65 + HOUR_MS),
    }]);
  });

  it('keeps a failure as long as the history says of failures, with its message', async () => {
    const { execute, outcomes } = running();
    await execute.last.fail(new Error('connection refused'));
    assert.deepEqual(outcomes(), [{
      ...COMMON,
      state: 'failed',
      finished_at: new Date(T + 40),
      error: 'connection refused',
      output: null,
      expire_at: new Date(T + 40 + 2 * HOUR_MS),
    }]);
  });

  it('is timed out after 30 s, and the attempt is aborted', async () => {
    const { clock, execute, outcomes } = running();
    await clock.advance(ATTEMPT_TIMEOUT_MS - 1);
    assert.deepEqual([outcomes(), execute.last.signal.aborted], [[], false]);
    await clock.advance(1);
    assert.equal(execute.last.signal.aborted, true);
    assert.deepEqual(outcomes(), [{
      ...COMMON,
      state: 'timed_out',
      finished_at: new Date(T + 40 + 30_000),
      error: 'The attempt took longer than 30000 ms.',
      output: null,
      expire_at: new Date(T + 40 + 30_000 + 2 * HOUR_MS),
    }]);
  });

  it('has one outcome, whatever comes after it', async () => {
    const { clock, execute, under, outcomes } = running();
    under.child.send({ type: 'CANCEL' });
    assert.equal(execute.last.signal.aborted, true);
    await execute.last.answer({ output: 'fine, but too late' });
    await clock.advance(ATTEMPT_TIMEOUT_MS);
    assert.deepEqual(outcomes().map(({ state, output }) => [state, output]), [['cancelled', null]]);
    assert.equal(clock.timers, 0);
  });

  it('that starts late counts from the moment at which it was confirmed', async () => {
    const { clock, execute, confirm, outcomes } = running(3000);
    assert.deepEqual([confirm.last.input, execute.list.length], [{ run: RUN }, 0]);
    await clock.advance(70);
    await confirm.last.answer(true);
    assert.equal(execute.last.input.run.lateness_ms, 3070);
    await clock.advance(ATTEMPT_TIMEOUT_MS - 1);
    assert.deepEqual(outcomes(), [], 'the question takes nothing of its time');
    await execute.last.answer({ output: null });
    assert.equal(outcomes()[0]?.started_at.getTime(), T + 3070);
  });

  it('that was adopted by another is not executed, and has no outcome', async () => {
    const { clock, execute, confirm, outcomes } = running(3000);
    await confirm.last.fail();
    await clock.advance(199);
    assert.equal(confirm.list.length, 1);
    await clock.advance(1);
    await confirm.last.answer(false);
    assert.deepEqual([confirm.list.length, outcomes(), execute.list.length, clock.timers], [2, [null], 0, 0]);
  });

  it('that is cancelled before it was confirmed has an outcome of the present', async () => {
    for (const answered of [true, false]) {
      const { clock, execute, confirm, under, outcomes } = running(3000);
      if (!answered) await confirm.last.fail();
      await clock.advance(50);
      under.child.send({ type: 'CANCEL' });
      await clock.advance(1000);
      const [outcome] = outcomes();
      assert.deepEqual([outcome?.state, execute.list.length], ['cancelled', 0]);
      assert.equal(outcome?.finished_at.getTime(), T + 3050);
    }
  });
});
