import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CONFIRM_AFTER_MS,
  RECORDED_AFTER_MS,
  type RunInput,
  runMachine,
} from '../../../src/actors/runs/run.ts';
import type { AttemptStart, Outcome } from '../../../src/domain/runs/outcome.ts';
import { type OwnedRun, runId, type RunWork, workOf } from '../../../src/domain/runs/run.ts';
import { calls, underParent } from '../../support/machines/actors.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { walk } from '../../support/machines/walk.ts';
import { owned } from '../../support/runs.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

const T = Date.UTC(2030, 0, 1);
const HOUR_MS = 3_600_000;
const TIMEOUT_MS = 7000;
const { policy, action } = workOf({ work: null });
const RETRY = { max_attempts: 2, initial_backoff: '10s', multiplier: 2, max_backoff: '1h' };
const WORK: RunWork = {
  action,
  policy: { ...policy, timeout: '7s', retry: RETRY },
  history: { success: '1h', failure: '2h' },
};
/** Its last attempt, if that fails. */
const RUN = owned('s', T, { attempt: 2, failures: 1, work: WORK, lateness_ms: 3 });

/** Server time goes on by 10 ms with every look. */
function input(sinceClaimMs = 30): RunInput {
  let nowMs = T + sinceClaimMs;
  return {
    run: RUN,
    oursSinceMs: 7000,
    serverNowMs: () => (nowMs += 10),
    monotonicMs: () => 7000 + sinceClaimMs,
    random: () => 0.5,
  };
}

/** What is done at the beginning of an attempt. */
const BEGINS = [`after ${TIMEOUT_MS}`, 'start execute', `after ${RECORDED_AFTER_MS}`];

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
      assert.deepEqual([it.state, it.does], ['attempting.begun', BEGINS]);
      step(it);
      assert.equal(it.state, state);
      it.on({ type: 'CANCEL' });
      assert.equal(it.state, state);
    });
  }

  it('takes anything that is thrown for a failure', () => {
    assert.equal(walk(runMachine, input()).fails('execute', 'just a text').context.error, 'just a text');
  });

  it('tells once that it goes on, after a second', () => {
    const it = walk(runMachine, input()).after('soon');
    const { id, attempt, executor_boot } = RUN;
    const started_at = new Date(T + 50);
    const start = { run_id: id, attempt, executor_boot, started_at, lateness_ms: 3 };
    assert.deepEqual([it.state, it.does], ['attempting.running', [['running', { start }]]]);
    assert.equal(RECORDED_AFTER_MS, 1000);
    for (const [, state, step] of ends) {
      const running = walk(runMachine, input()).after('soon');
      step(running);
      assert.equal(running.state, state, 'it ends as before');
    }
  });

  it('is cancelled in every state that is not its end', () => {
    const cancel = { type: 'CANCEL' };
    const asked = () => walk(runMachine, input(5000));
    for (const it of [walk(runMachine, input()).after('soon'), asked(), asked().fails('confirm')]) {
      it.on(cancel);
      assert.deepEqual([it.state, it.underWay], ['cancelled', []]);
    }
  });

  it('starts without a question within 2 s of its claim, and asks first after that', () => {
    assert.equal(walk(runMachine, input(CONFIRM_AFTER_MS)).state, 'attempting.begun');
    const it = walk(runMachine, input(CONFIRM_AFTER_MS + 1));
    assert.deepEqual([it.state, it.does], ['confirming', ['start confirm']]);
    assert.deepEqual(it.answers('confirm', true).does, BEGINS);
    assert.equal(it.state, 'attempting.begun');
  });

  it("asks first also when the server's clock was set back meanwhile, and hides how late it is", () => {
    const it = walk(runMachine, { ...input(10_000), serverNowMs: () => T - 50_000 });
    assert.equal(it.state, 'confirming');
    const notAtAll = walk(runMachine, { ...input(10), serverNowMs: () => T + 50_000 });
    assert.equal(notAtAll.state, 'attempting.begun');
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
    assert.equal(it.answers('confirm', true).state, 'attempting.begun');
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
          assert.deepEqual(
            underWay,
            { attempting: ['execute'], confirming: ['confirm'] }[state.split('.')[0] as string] ?? [],
          );
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
function running(sinceClaimMs = 40, run = RUN) {
  const clock = new SimClock(T + sinceClaimMs);
  const execute = calls<{ output: string | null }, { run: OwnedRun; work: RunWork }>();
  const confirm = calls<boolean, { run: OwnedRun }>();
  const starts: AttemptStart[] = [];
  const machine = runMachine.provide({
    actors: { execute: execute.slot, confirm: confirm.slot },
    actions: { running: (_, { start }) => void starts.push(start) },
  });
  const under = underParent(machine, {
    clock,
    input: {
      run,
      oursSinceMs: clock.monotonic() - sinceClaimMs,
      serverNowMs: () => clock.now(),
      monotonicMs: () => clock.monotonic(),
      random: () => 0.5,
    },
  });
  const outcomes = () => under.told.map((event) => event.output as Outcome);
  return { clock, execute, confirm, under, starts, outcomes };
}

/** What the outcome is, but for how it ended. */
const COMMON = {
  run_id: runId('s', new Date(T)),
  schedule_id: 's',
  turn: null,
  pause_after_failures: null,
  attempt: 2,
  executor: 'r1',
  executor_boot: 'b1',
  started_at: new Date(T + 40),
  lateness_ms: 3,
  retry_at: null,
};

describe('run, as an actor', () => {
  it('gives the action what the run was claimed with', async () => {
    const { clock, execute, outcomes } = running();
    assert.deepEqual(execute.last.input, { run: { ...RUN, started_at: new Date(T + 40) }, work: WORK });
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

  it('says how late it started, to the action and in the outcome; a retry is as late as the first attempt', async () => {
    for (const [failures, lateness_ms] of [[0, 10], [1, 3]] as const) {
      const { clock, execute, starts, outcomes } = running(40, {
        ...RUN,
        failures,
        available_at: new Date(T + 30),
      });
      assert.equal(execute.last.input.run.lateness_ms, lateness_ms);
      await clock.advance(1000);
      await execute.last.answer({ output: null });
      assert.deepEqual([starts[0]?.lateness_ms, outcomes()[0]?.lateness_ms], [lateness_ms, lateness_ms]);
    }
  });

  it('is to be tried again after a failure, once it has waited, as long as its policy says', async () => {
    const first = { ...RUN, failures: 0 };
    const { execute, outcomes } = running(40, first);
    await execute.last.fail();
    assert.deepEqual(outcomes()[0]?.retry_at, new Date(T + 40 + 5000));
    const again = running(40, first);
    await again.clock.advance(TIMEOUT_MS);
    assert.deepEqual(again.outcomes()[0]?.retry_at, new Date(T + 40 + TIMEOUT_MS + 5000));
    const cancelled = running(40, first);
    cancelled.under.child.send({ type: 'CANCEL' });
    assert.deepEqual(cancelled.outcomes()[0]?.retry_at, null, 'no retry follows');
  });

  it('is recorded as running after a second, and not when it ends sooner', async () => {
    const long = running();
    await long.clock.advance(RECORDED_AFTER_MS - 1);
    assert.deepEqual(long.starts, []);
    await long.clock.advance(5000);
    assert.deepEqual(long.starts.map(({ started_at }) => started_at), [new Date(T + 40)]);
    const short = running();
    await short.execute.last.answer({ output: null });
    await short.clock.advance(5000);
    assert.deepEqual(short.starts, []);
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

  it('is timed out as its policy says, and the attempt is aborted', async () => {
    const { clock, execute, outcomes } = running();
    await clock.advance(TIMEOUT_MS - 1);
    assert.deepEqual([outcomes(), execute.last.signal.aborted], [[], false]);
    await clock.advance(1);
    assert.equal(execute.last.signal.aborted, true);
    assert.deepEqual(outcomes(), [{
      ...COMMON,
      state: 'timed_out',
      finished_at: new Date(T + 40 + TIMEOUT_MS),
      error: 'The attempt took longer than 7s.',
      output: null,
      expire_at: new Date(T + 40 + TIMEOUT_MS + 2 * HOUR_MS),
    }]);
  });

  it('has one outcome, whatever comes after it', async () => {
    const { clock, execute, under, outcomes } = running();
    under.child.send({ type: 'CANCEL' });
    assert.equal(execute.last.signal.aborted, true);
    await execute.last.answer({ output: 'fine, but too late' });
    await clock.advance(TIMEOUT_MS);
    assert.deepEqual(outcomes().map(({ state, output }) => [state, output]), [['cancelled', null]]);
    assert.equal(clock.timers, 0);
  });

  it('that starts late counts from the moment at which it was confirmed', async () => {
    const { clock, execute, confirm, outcomes } = running(3000);
    assert.deepEqual([confirm.last.input, execute.list.length], [{ run: RUN }, 0]);
    await clock.advance(70);
    await confirm.last.answer(true);
    assert.equal(execute.last.input.run.started_at?.getTime(), T + 3070);
    await clock.advance(TIMEOUT_MS - 1);
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
