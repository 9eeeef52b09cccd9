import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { jobMachine } from '../../../src/actors/runs/job.ts';
import { JobPool } from '../../../src/actors/runs/jobs.ts';
import { runMachine } from '../../../src/actors/runs/run.ts';
import { type OwnedRun, type Run, type RunWork, workOf } from '../../../src/domain/runs/run.ts';
import type { Outcome } from '../../../src/domain/runs/outcome.ts';
import type { Schedule } from '../../../src/domain/schedules/schedule.ts';
import { calls } from '../../support/machines/actors.ts';
import { claimed, owned, unowned } from '../../support/runs.ts';
import { every } from '../../support/schedules.ts';
import { rest, SimClock } from '../../../harness/sim/clock.ts';
import { LATER, RUN, S, T } from './jobSetup.ts';

/** A pool whose runs are ended by the test. */
function pool() {
  const clock = new SimClock(T + 100);
  const execute = calls<{ output: string | null }, { run: OwnedRun; work: RunWork }>();
  const confirm = calls<boolean, { run: OwnedRun }>();
  const ended: string[] = [];
  const lost: string[] = [];
  const crashes: { runId: string; error: unknown }[] = [];
  const jobs = new JobPool(
    jobMachine.provide({
      actions: {
        settled: (_, { outcome }: { outcome: Outcome }) =>
          void ended.push(`${outcome.run_id} ${outcome.state}`),
        lost: (_, { runId }) => void lost.push(runId),
        crashed: (_, params) => void crashes.push(params),
      },
    }),
    runMachine.provide({
      actors: { execute: execute.slot, confirm: confirm.slot },
      actions: { running: () => {} },
    }),
    { clock, serverNowMs: () => clock.now(), random: () => 0.5 },
  );
  return {
    clock,
    execute,
    confirm,
    ended,
    lost,
    crashes,
    jobs,
    /** A claim that is committed at once. */
    run(schedule: Schedule, ...runs: Run[]) {
      jobs.claiming(schedule);
      jobs.claimed(schedule.id, runs, clock.monotonic());
    },
    /** Whether `idle` has resolved, once everything has come to rest. */
    async isIdle(idle: Promise<void>) {
      let is = false;
      void idle.then(() => (is = true));
      await rest();
      return is;
    },
  };
}

describe('pool of jobs', () => {
  it('has a live job only while there is something to do', async () => {
    const { clock, jobs, execute } = pool();
    assert.deepEqual([jobs.size, jobs.stateOf('s')], [0, undefined]);
    jobs.claiming(S);
    assert.deepEqual([jobs.size, jobs.stateOf('s')], [1, 'claiming']);
    jobs.claimed('s', [RUN], clock.monotonic());
    assert.equal(jobs.stateOf('s'), 'running');
    await execute.last.answer({ output: null });
    assert.deepEqual([jobs.size, jobs.stateOf('s')], [0, undefined]);
  });

  it('starts only what is to be run, and is ours', async () => {
    const { clock, jobs, execute } = pool();
    jobs.claiming(S);
    jobs.claimed('s', [
      claimed('s', T + 100, { state: 'skipped' }),
      claimed('s', T + 200, { state: 'missed' }),
      claimed('s', T + 250, { state: 'succeeded' }),
      unowned('s', T + 300),
      unowned('s', T + 400, { waiting_for: 'overlap' }),
    ], clock.monotonic());
    assert.deepEqual([execute.list.length, jobs.size], [0, 0]);
  });

  it('keeps a job that still owes something, until this replica leads no more or it is paused', () => {
    const { jobs } = pool();
    const ends = [
      () => jobs.withdraw(),
      () => jobs.changed({ kind: 'upsert', schedule: { ...S, paused: true } }),
      () => jobs.changed({ kind: 'delete', id: 's' }),
    ];
    for (const end of ends) {
      jobs.claiming(S);
      jobs.unclaimed('s');
      assert.equal(jobs.stateOf('s'), 'due');
      end();
      assert.equal(jobs.size, 0);
    }
  });

  it('makes no job for news of a schedule that has none', () => {
    const { clock, jobs } = pool();
    jobs.changed({ kind: 'upsert', schedule: S });
    jobs.changed({ kind: 'delete', id: 's' });
    jobs.unclaimed('s');
    jobs.claimed('s', [RUN], clock.monotonic());
    assert.equal(jobs.size, 0);
  });

  const changes: Record<string, (jobs: JobPool) => void> = {
    'is paused': (jobs) => jobs.changed({ kind: 'upsert', schedule: { ...S, paused: true } }),
    'is paused and resumed': (jobs) => {
      jobs.changed({ kind: 'upsert', schedule: { ...S, paused: true } });
      jobs.changed({ kind: 'upsert', schedule: S });
    },
    'is deleted': (jobs) => jobs.changed({ kind: 'delete', id: 's' }),
    'is led elsewhere': (jobs) => jobs.withdraw(),
  };
  for (const [what, change] of Object.entries(changes)) {
    for (const meanwhile of ['running', 'claiming', 'due'] as const) {
      it(`lets a run go on, and end, when its schedule ${what} while ${meanwhile} (G7)`, async () => {
        const { jobs, execute, ended, run } = pool();
        run(S, RUN);
        if (meanwhile !== 'running') jobs.claiming(S);
        if (meanwhile === 'due') jobs.unclaimed('s');
        change(jobs);
        assert.equal(execute.last.signal.aborted, false);
        await execute.last.answer({ output: null });
        assert.deepEqual(ended, [`${RUN.id} succeeded`]);
      });
    }
  }

  it('gives a schedule with a run going on no second job', async () => {
    const { jobs, execute, ended, run } = pool();
    run(S, RUN);
    run(S, LATER);
    assert.equal(jobs.size, 1);
    await execute.list[0]?.answer({ output: null });
    assert.equal(jobs.stateOf('s'), 'running');
    await execute.list[1]?.fail();
    assert.deepEqual([jobs.size, ended], [0, [`${RUN.id} succeeded`, `${LATER.id} failed`]]);
  });

  it('makes a job for what was taken, and drops it when that has ended', async () => {
    const { clock, jobs, execute, ended } = pool();
    jobs.taken(RUN, clock.monotonic());
    jobs.taken(LATER, clock.monotonic());
    assert.equal(jobs.size, 1);
    await execute.list[0]?.answer({ output: null });
    assert.equal(jobs.size, 1);
    await execute.list[1]?.answer({ output: null });
    assert.deepEqual([jobs.size, ended], [0, [`${RUN.id} succeeded`, `${LATER.id} succeeded`]]);
  });

  it('asks first when what was taken was decided on long ago', async () => {
    const { clock, jobs, execute, confirm, ended, lost } = pool();
    jobs.taken(RUN, clock.monotonic() - 3000);
    assert.deepEqual([execute.list.length, confirm.list.length], [0, 1]);
    await confirm.last.answer(false);
    assert.deepEqual([execute.list.length, jobs.size, ended, lost], [0, 0, [], [RUN.id]]);
  });

  it('aborts an older attempt of a run that it takes, of which it says nothing', async () => {
    const { clock, jobs, execute, ended, lost, run } = pool();
    run(S, RUN);
    jobs.taken({ ...RUN, attempt: 3 }, clock.monotonic());
    assert.deepEqual([execute.list.length, execute.list[0]?.signal.aborted], [2, true]);
    await execute.list[0]?.answer({ output: null });
    assert.deepEqual([ended, lost, jobs.size, execute.last.signal.aborted], [[], [], 1, false]);
    await execute.last.answer({ output: null });
    assert.deepEqual([ended, jobs.size], [[`${RUN.id} succeeded`], 0]);
  });

  it('cancels the attempt that is meant, and no other', async () => {
    const { jobs, execute, ended, run } = pool();
    jobs.cancel(RUN);
    assert.equal(jobs.size, 0, 'nothing is live');
    run(S, RUN, LATER);
    jobs.cancel({ ...RUN, attempt: 2 });
    jobs.cancel(claimed('s', T + 999));
    assert.equal(execute.list.some(({ signal }) => signal.aborted), false);
    jobs.cancel(RUN);
    jobs.cancel(RUN);
    assert.deepEqual(execute.list.map(({ signal }) => signal.aborted), [true, false]);
    assert.deepEqual(ended, [`${RUN.id} cancelled`]);
    await execute.last.answer({ output: null });
    assert.equal(jobs.size, 0);
  });

  it('knows whether any run is live, whatever is due or being claimed', async () => {
    const { jobs, execute, run } = pool();
    assert.equal(jobs.hasRuns(), false);
    jobs.claiming(S);
    assert.equal(jobs.hasRuns(), false);
    jobs.claimed('s', [RUN], 0);
    run(every(100, T, { id: 'other' }), claimed('other', T + 100));
    assert.equal(jobs.hasRuns(), true);
    for (const call of execute.list) await call.answer({ output: null });
    assert.equal(jobs.hasRuns(), false);
  });

  it('never has two attempts of a run, and loses none from sight, whatever comes in whatever order', async () => {
    const steps = ['claim', 'take', 'end', 'fail', 'cancel', 'pause', 'withdraw'] as const;
    const step = fc.record({ what: fc.constantFrom(...steps), which: fc.nat(9) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (story) => {
        const { clock, jobs, execute, ended, run, isIdle } = pool();
        const known: OwnedRun[] = [];
        const answered = new Set<object>();
        const live = () => execute.list.filter((call) => !call.signal.aborted && !answered.has(call));
        const answer = async (which: number, how: 'end' | 'fail') => {
          const call = live()[which % live().length];
          if (call === undefined) return;
          answered.add(call);
          await (how === 'end' ? call.answer({ output: null }) : call.fail());
        };
        for (const { what, which } of story) {
          const old = known[which % known.length];
          if (what === 'claim') known.push(owned('s', T + 100 * known.length));
          if (what === 'claim') run(S, known.at(-1) as OwnedRun);
          else if (what === 'take' && old) {
            jobs.taken({ ...old, attempt: ++old.attempt }, clock.monotonic());
          } else if (what === 'cancel' && old) {
            const call = live().find(({ input: { run } }) => run.id === old.id);
            jobs.cancel(old);
            if (call) answered.add(call);
          } else if (what === 'pause') jobs.changed({ kind: 'upsert', schedule: { ...S, paused: true } });
          else if (what === 'withdraw') jobs.withdraw();
          else if (what === 'end' || what === 'fail') await answer(which, what);
          const ids = live().map(({ input }) => input.run.id);
          assert.equal(new Set(ids).size, ids.length, 'one attempt of a run at a time');
          assert.deepEqual([jobs.size, ended.length], [ids.length > 0 ? 1 : 0, answered.size]);
        }
        const idle = jobs.idle();
        while (live().length > 0) await answer(0, 'end');
        assert.deepEqual([await isIdle(idle), jobs.size, ended.length], [true, 0, answered.size]);
      }),
    );
  });

  it('is idle when the last run of all its jobs has ended, whatever is due or being claimed', async () => {
    const { jobs, execute, run, isIdle } = pool();
    assert.equal(await isIdle(jobs.idle()), true);
    const other = every(100, T, { id: 'other' });
    run(S, RUN);
    run(other, claimed('other', T + 100));
    jobs.claiming(other);
    const idle = [jobs.idle(), jobs.idle()];
    await execute.list[0]?.answer({ output: null });
    assert.equal(await isIdle(idle[0] as Promise<void>), false);
    await execute.list[1]?.answer({ output: null });
    assert.deepEqual(await Promise.all(idle.map(isIdle)), [true, true]);
    assert.equal(jobs.stateOf('other'), 'claiming');
  });

  it('aborts what goes on when it is stopped, and says nothing of its end', async () => {
    const { clock, jobs, execute, ended, run } = pool();
    run(S, RUN);
    jobs.stop();
    assert.deepEqual([jobs.size, execute.last.signal.aborted], [0, true]);
    await execute.last.fail();
    await clock.advance(60_000);
    assert.deepEqual([ended, clock.timers], [[], 0]);
  });

  it('reports a run that throws, and goes on without it', async () => {
    const { jobs, execute, ended, crashes, run, isIdle } = pool();
    // A history that is no duration can't be stored; here it makes the making of the outcome throw.
    run(S, { ...RUN, work: { ...workOf(RUN), history: { success: 'for ever', failure: '1h' } } });
    const idle = jobs.idle();
    await execute.last.answer({ output: null });
    assert.deepEqual([ended, crashes.length, crashes[0]?.runId], [[], 1, RUN.id]);
    assert.match(`${crashes[0]?.error}`, /for ever/);
    assert.deepEqual([jobs.size, await isIdle(idle)], [0, true]);
    run(S, LATER);
    await execute.last.answer({ output: null });
    assert.deepEqual(ended, [`${LATER.id} succeeded`]);
  });
});
