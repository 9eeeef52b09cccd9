import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JobPool } from '../../../src/actors/runs/jobs.ts';
import { StoreRefused } from '../../../src/actors/shared/storeErrors.ts';
import { nextMark } from '../../../src/domain/firing/nextMark.ts';
import type { SchedulerInput } from '../../../src/actors/firing/schedulerContext.ts';
import { schedulerMachine } from '../../../src/actors/firing/scheduler.ts';
import { Progress } from '../../../src/domain/firing/progress.ts';
import { DueQueue } from '../../../src/domain/firing/dueQueue.ts';
import type { Grant } from '../../../src/domain/leadership/lease.ts';
import { runId } from '../../../src/domain/runs/run.ts';
import { reachable, walk } from '../../support/machines.ts';
import { changed, every } from '../../support/schedules.ts';
import {
  A,
  asks,
  B,
  deleted,
  ENDING,
  GRANT,
  lease,
  loadedEvent,
  LOST,
  mark,
  mirrored,
  NEXT_GRANT,
  offset,
  running,
  T,
  upsert,
  won,
  written,
} from '../../support/scheduling.ts';

describe('scheduler', () => {
  /** So long after the beginning of a schedule that is due after 100 ms. */
  function inputOf(sinceMs: number): SchedulerInput {
    const progress = new Progress();
    progress.queue.put(A, mark(0));
    return {
      progress,
      jobs: { withdraw: () => {} } as JobPool,
      replica: 'r1',
      boot: 'b1',
      leaseDurationMs: 3000,
      serverNowMs: () => T + sinceMs,
      monotonicMs: () => sinceMs,
      isTrusted: () => true,
      onSetAside: () => {},
    };
  }
  /** With something due, or not; the machine alone, its effects are not carried out. */
  const start = (dueNow: boolean) => walk(schedulerMachine, inputOf(dueNow ? 100 : 40));
  const claiming = () => start(true).on(won());
  const COMMITTED = {
    kind: 'committed',
    lease: lease(8, mark(100)),
    runs: [],
    stale: [],
    duplicates: [],
  };

  it('is idle until the lease is won, whatever is due', () => {
    assert.equal(start(true).state, 'idle');
    assert.equal(start(true).on({ type: 'LEASE.SEEN', mark: mark(0) }).state, 'idle');
  });

  it('waits for what is due, and no longer than a second', () => {
    const it = start(false).on(won());
    assert.deepEqual([it.state, it.does.at(-1)], ['waiting', 'after 60']);
    const long = start(false);
    long.context.progress.queue.remove('a');
    assert.deepEqual(long.on(won()).does.at(-1), 'after 1000');
  });

  it('claims at once what is due already', () => {
    const it = claiming();
    assert.deepEqual([it.state, it.does.slice(-2)], ['claiming', ['take', 'start claim']]);
  });

  it('settles what was committed, and waits for the next', () => {
    const it = claiming();
    it.context.progress.queue.remove('a');
    it.answers('claim', COMMITTED);
    assert.equal(it.state, 'waiting');
    const deeds = it.does.map((deed) => typeof deed === 'string' ? deed : deed[0]);
    assert.deepEqual(deeds, ['noteMark', 'finish', 'claimed', 'after 1000']);
  });

  it('finds out about a claim without an answer, for as long as it takes', () => {
    const it = claiming().fails('claim', 'cut off');
    assert.deepEqual([it.state, it.does], ['resolving', [
      ['report', {
        message: 'a claim got no answer; finding out whether it was committed',
        error: 'cut off',
      }],
      'start resolve',
    ]]);
    it.fails('resolve');
    assert.deepEqual([it.state, it.does], ['unresolved', ['after 100']]);
    it.on(LOST).after('retry');
    assert.equal(it.state, 'resolving', 'leader or not');
    assert.equal(it.answers('resolve', []).state, 'idle');
  });

  it('can reach every state, by every transition', () => {
    const search = (...inputs: SchedulerInput[]) =>
      reachable(schedulerMachine, {
        // What the machine does to its queue is not carried out: something is due all the time, or never.
        inputs,
        events: [
          ...[won(), won(mark(50), NEXT_GRANT), LOST, ENDING, { type: 'LEASE.SEEN', mark: mark(20) }],
          ...[loadedEvent(A), upsert(A), mirrored(30)],
        ],
        answers: { claim: [COMMITTED, { kind: 'fenced' }, { kind: 'early', serverNowMs: T }], resolve: [[]] },
        failures: { claim: [new Error('no answer'), new StoreRefused('the disk is full', 'OutOfDiskSpace')] },
        by: ({ grant, claimTerm, ending }) => [grant?.term, claimTerm, ending],
        invariant: (state, { grant, claimTerm, claimNumber, ending }, underWay) => {
          assert.deepEqual(
            underWay,
            { claiming: ['claim'], resolving: ['resolve'] }[state] ?? [],
            'one claim in flight',
          );
          const isInFlight = ['claiming', 'resolving', 'unresolved'].includes(state);
          if (!isInFlight) assert.equal(grant !== null, state === 'waiting', 'it waits only while it leads');
          if (!isInFlight) assert.equal(ending, false, 'whoever waits for the end has been told');
          if (ending) assert.equal(grant, null, 'nothing more is claimed');
          if (isInFlight) assert.ok(claimTerm > 0 && claimNumber > 0, 'a claim has a term, and a number');
        },
      });
    const { reached, all, untaken } = search(inputOf(40), inputOf(100));
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
    assert.deepEqual(search({ ...inputOf(100), isTrusted: () => false }).reached, ['idle', 'waiting']);
  });
});

describe('scheduler, as an actor', () => {
  it('claims what is due at one moment in one transaction, under its grant', async () => {
    const it = running(A, B);
    it.send(won());
    await it.clock.advance(99);
    assert.equal(it.claim.list.length, 0);
    await it.clock.advance(1);
    const batch = it.claim.last.input;
    assert.deepEqual(batch.grant, GRANT);
    assert.equal(batch.durationMs, 3000);
    assert.deepEqual(asks(batch), { a: [100], b: [100] });
    assert.deepEqual(
      batch.requests.map(({ revision, effectiveFrom }) => [revision, effectiveFrom]),
      [[1, new Date(T)], [1, new Date(T)]],
    );
    const [run] = batch.requests[0]?.runs ?? [];
    assert.deepEqual([run?.executor, run?.executor_boot, run?.term, run?.trigger], [
      'r1',
      'b1',
      8,
      'schedule',
    ]);
  });

  it('executes what is committed, and nothing before', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    assert.deepEqual([it.executed(), it.jobs.stateOf('a')], [[], 'claiming']);
    await it.commit();
    assert.deepEqual([it.executed(), it.jobs.stateOf('a')], [[100], 'running']);
    assert.deepEqual(it.tests.claimed, [{ runs: 1, duplicates: [], stale: [] }]);
  });

  it('has one claim in flight; what falls due meanwhile is in the next', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(450);
    assert.equal(it.claim.list.length, 1);
    await it.commit();
    assert.equal(it.claim.list.length, 2);
    assert.deepEqual(asks(it.claim.last.input), { a: [200, 300, 400] });
    await it.commit();
    await it.clock.advance(50);
    assert.deepEqual(asks(it.claim.last.input), { a: [500] });
  });

  it('takes 100 occurrences in one transaction at most (G9)', async () => {
    const it = running(every(10, T, { id: 'a' }), every(10, T, { id: 'b' }));
    await it.clock.advance(800);
    it.send(won());
    const sizes: number[] = [];
    while (it.claim.list.length > sizes.length) {
      sizes.push(it.claim.last.input.requests.flatMap(({ runs }) => runs).length);
      await it.commit();
    }
    assert.deepEqual(sizes, [100, 60]);
  });

  it('claims nothing without trust in its lease, and goes on when it has it again', async () => {
    const it = running(A);
    it.send(won());
    it.tests.trusted = false;
    await it.clock.advance(150);
    assert.equal(it.claim.list.length, 0);
    it.tests.trusted = true;
    await it.clock.advance(1);
    assert.deepEqual(asks(it.claim.last.input), { a: [100] });
  });

  it("notices within a second that the server's clock was stepped", async () => {
    const it = running(every(60_000, T, { id: 'a' }));
    it.send(won());
    await it.clock.advance(500);
    it.tests.skewMs = 59_600;
    await it.clock.advance(500);
    assert.deepEqual(asks(it.claim.last.input), { a: [60_000] });
  });

  it('wakes earlier when it learns of something earlier', async () => {
    const it = running(every(900, T, { id: 'a' }));
    it.send(won());
    await it.clock.advance(10);
    it.send(upsert(every(50, T, { id: 'b' })));
    await it.clock.advance(40);
    assert.deepEqual(asks(it.claim.last.input), { b: [50] });
  });

  it('takes a snapshot for the whole truth: what is not in it is gone', async () => {
    const it = running(A, B);
    it.send(won());
    it.send(loadedEvent(B));
    await it.clock.advance(100);
    assert.deepEqual(asks(it.claim.last.input), { b: [100] });
  });

  it('claims nothing of a schedule that was deleted or paused', async () => {
    const it = running(A, B, every(100, T, { id: 'c' }));
    it.send(won());
    await it.clock.advance(50);
    it.send(deleted('a'));
    it.send(upsert(changed(B, 100, T + 50, { paused: true })));
    await it.clock.advance(100);
    assert.deepEqual(asks(it.claim.last.input), { c: [100] });
  });

  it('says which runs may have been claimed under an earlier term', async () => {
    // The last leader had got to 250 when its mirror had got to 0: it may not have known of this definition.
    const it = running(every(100, T, { id: 'a', effective_from: new Date(T + 50) }));
    await it.clock.advance(320);
    it.send(won(mark(250, 0), GRANT, 320));
    assert.deepEqual(asks(it.claim.last.input), { a: [100, 200, 300] });
    assert.equal(it.claim.last.input.mayBeClaimed, true);
    assert.equal(it.claim.last.input.requests[0]?.runs[0]?.trigger, 'catch_up');
    await it.commit();
    await it.clock.advance(80);
    assert.equal(it.claim.last.input.mayBeClaimed, false);
  });

  it('knows that claims of an earlier term may lie beyond its watermark, and no later than its last renewal', async () => {
    const it = running(A);
    await it.clock.advance(2100);
    it.send({ ...won(mark(100), GRANT, 2100), lastClaimMs: T + 500 });
    assert.equal(it.claim.last.input.mayBeClaimed, true);
    await it.commit();
    await it.clock.advance(100);
    assert.equal(it.claim.last.input.mayBeClaimed, false, 'the last leader had claimed nothing by then');
  });

  it('knows that what is new to its queue may have been there before', async () => {
    const it = running();
    it.send(won());
    await it.clock.advance(250);
    it.send(upsert(A));
    assert.equal(it.claim.last.input.mayBeClaimed, true);
  });

  it('needs no second look at what the lease says is settled', async () => {
    const it = running(A);
    await it.clock.advance(450);
    it.send({ type: 'LEASE.SEEN', mark: mark(300) });
    it.send(won(mark(200)));
    assert.deepEqual(asks(it.claim.last.input), { a: [400] }, 'marks only grow');
  });

  it('leaves a schedule alone that turned out to be stale, until the mirror moves', async () => {
    const it = running(A, B);
    it.send(mirrored(0));
    it.send(won());
    await it.clock.advance(100);
    assert.equal(written(it.claim.last.input, []).claimedThroughMs, T + 100);
    assert.equal(written(it.claim.last.input, ['a']).claimedThroughMs, T + 99, 'it is still owed');
    await it.commit(['a']);
    assert.equal(it.jobs.stateOf('a'), undefined);
    await it.clock.advance(100);
    assert.deepEqual(asks(it.claim.last.input), { b: [200] });
    await it.commit();
    it.send(upsert(changed(A, 30, T + 90)));
    assert.deepEqual(asks(it.claim.last.input), { a: [120, 150, 180] });
  });

  it('tries a stale schedule again when the mirror has moved and says nothing of it', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    await it.commit(['a']);
    await it.clock.advance(50);
    assert.equal(it.claim.list.length, 1);
    it.send(mirrored(150));
    assert.deepEqual(it.claim.list.map(({ input }) => asks(input)), [{ a: [100] }, { a: [100] }]);
  });

  it('tries it again also when the mirror moved while another claim was in flight', async () => {
    const it = running(A, every(130, T, { id: 'b' }));
    it.send(won());
    await it.clock.advance(100);
    await it.commit(['a']);
    await it.clock.advance(30);
    assert.deepEqual(asks(it.claim.last.input), { b: [130] });
    it.send(mirrored(130));
    await it.commit();
    assert.deepEqual(asks(it.claim.last.input), { a: [100] });
  });

  it('counts as claimed what an earlier try committed, even if the definition has changed since', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    const runs = it.claim.last.input.requests.flatMap((request) => request.runs);
    await it.claim.last.answer({
      kind: 'committed',
      lease: lease(8, mark(99)),
      runs,
      stale: ['a'],
      duplicates: [],
    });
    assert.deepEqual(it.executed(), [100]);
    await it.clock.advance(100);
    assert.deepEqual(asks(it.claim.last.input), { a: [200] });
  });

  it('executes nothing that somebody else has settled', async () => {
    const it = running(A);
    await it.clock.advance(200);
    it.send(won());
    const [first] = it.claim.last.input.requests[0]?.runs ?? [];
    await it.commit([], [first?.id as string]);
    assert.deepEqual(it.executed(), [200]);
    assert.deepEqual(it.tests.claimed, [{ runs: 1, duplicates: [first?.id], stale: [] }]);
  });
});

describe('scheduler: the end of a leadership', () => {
  it('claims nothing any more once the lease is lost', async () => {
    const it = running(A);
    it.send(won());
    it.send(LOST);
    assert.equal(it.machine.state, 'idle');
    await it.clock.advance(500);
    assert.equal(it.claim.list.length, 0);
    it.send(won(mark(300), NEXT_GRANT));
    assert.deepEqual([it.claim.last.input.grant, asks(it.claim.last.input)], [NEXT_GRANT, { a: [400, 500] }]);
  });

  it('waits for the claim in flight when the lease is lost, and executes what it committed (G7)', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.send(LOST);
    assert.equal(it.machine.state, 'claiming');
    await it.clock.advance(200);
    await it.commit();
    assert.deepEqual([it.machine.state, it.executed(), it.claim.list.length], ['idle', [100], 1]);
    assert.deepEqual(it.machine.told, []);
  });

  it('stands down at once when no claim is in flight, and says so once', async () => {
    const leading = running(A);
    leading.send(won());
    leading.send(ENDING);
    assert.deepEqual([leading.machine.heard(), leading.machine.state], [['SCHEDULER.STOOD_DOWN'], 'idle']);
    const idle = running(A);
    idle.send(ENDING);
    assert.deepEqual(idle.machine.heard(), ['SCHEDULER.STOOD_DOWN']);
    await idle.clock.advance(2000);
    idle.send(won());
    assert.deepEqual([idle.machine.told, idle.machine.state], [[], 'claiming'], 'it can lead again');
  });

  it('stands down when the claim in flight is settled, not before (G8)', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.send(ENDING);
    await it.clock.advance(500);
    assert.deepEqual([it.machine.told, it.machine.state], [[], 'claiming']);
    await it.commit();
    assert.deepEqual(it.machine.heard(), ['SCHEDULER.STOOD_DOWN']);
    assert.deepEqual([it.executed(), it.claim.list.length], [[100], 1]);
  });

  it('stands down when it knows what became of a claim without an answer, not before', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.send(ENDING);
    await it.claim.last.fail();
    await it.resolve.last.fail();
    await it.clock.advance(100);
    assert.deepEqual([it.resolve.list.length, it.machine.told], [2, []]);
    await it.resolve.last.answer(it.resolve.last.input.runs);
    assert.deepEqual([it.machine.heard(), it.executed()], [['SCHEDULER.STOOD_DOWN'], [100]]);
  });

  it('says that it was fenced, executes nothing, and still owes what it asked for (G3)', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    await it.claim.last.answer({ kind: 'fenced' });
    assert.deepEqual(it.machine.told, [{ type: 'SCHEDULER.FENCED', term: 8 }]);
    assert.deepEqual([it.machine.state, it.executed(), it.jobs.size], ['idle', [], 0]);
    assert.equal(it.queue.nextDueMs(), T + 100);
    assert.deepEqual(it.progress.mark, mark(0));
  });

  it('still leads when a claim was early by the server’s clock, and still owes what it asked for (G6)', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.tests.skewMs = -1100;
    await it.claim.last.answer({ kind: 'early', serverNowMs: T - 1000 });
    assert.deepEqual([it.machine.state, it.executed()], ['waiting', []]);
    assert.deepEqual(it.progress.mark, mark(0));
    await it.clock.advance(1000);
    assert.equal(it.claim.list.length, 1);
    await it.clock.advance(100);
    assert.deepEqual([it.claim.list.length, asks(it.claim.last.input)], [2, { a: [100] }]);
    assert.equal(it.claim.last.input.nowMs, T + 100);
  });

  it('keeps the grant that it won while a claim of the one before was refused', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.send(LOST);
    it.send(won(mark(0), NEXT_GRANT));
    await it.claim.last.answer({ kind: 'fenced' });
    assert.deepEqual(it.machine.told, [{ type: 'SCHEDULER.FENCED', term: 8 }]);
    assert.deepEqual([it.machine.state, it.claim.last.input.grant], ['claiming', NEXT_GRANT]);
    assert.deepEqual(asks(it.claim.last.input), { a: [100] });
  });
});

describe('scheduler: a claim without an answer', () => {
  async function lost() {
    const it = running(A, B);
    it.send(won());
    await it.clock.advance(100);
    await it.claim.last.fail();
    return it;
  }

  it('is asked about before anything else is claimed', async () => {
    const it = await lost();
    await it.clock.advance(500);
    assert.deepEqual([it.claim.list.length, it.executed()], [1, []]);
    const { runs, boot } = it.resolve.last.input;
    assert.deepEqual([runs.map(offset), boot], [[100, 100], 'b1']);
    assert.deepEqual(it.tests.reports, ['a claim got no answer; finding out whether it was committed']);
  });

  it('is executed where it was committed, and claimed again where it was not', async () => {
    const it = await lost();
    await it.resolve.last.answer(it.resolve.last.input.runs.filter((run) => run.schedule_id === 'a'));
    assert.deepEqual([it.executed(), it.jobs.stateOf('a')], [[100], 'running']);
    assert.deepEqual(asks(it.claim.last.input), { b: [100] });
  });

  it('leaves a job that is due, as long as it is owed and we lead', async () => {
    const it = await lost();
    it.tests.trusted = false;
    await it.resolve.last.answer([]);
    assert.deepEqual([it.jobs.stateOf('a'), it.jobs.stateOf('b')], ['due', 'due']);
    it.send(LOST);
    assert.equal(it.jobs.size, 0);
  });

  it('is asked about every 100 ms until there is an answer, leader or not (G7)', async () => {
    const it = await lost();
    it.send(LOST);
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.equal(it.resolve.list.length, attempt);
      await it.resolve.last.fail();
      await it.clock.advance(99);
      assert.equal(it.resolve.list.length, attempt);
      await it.clock.advance(1);
    }
    await it.resolve.last.answer(it.resolve.last.input.runs);
    assert.deepEqual([it.executed(), it.machine.state], [[100, 100], 'idle']);
  });
});

describe('scheduler: a claim that the store refuses', () => {
  it('is made again when it is sure that nothing was committed, after a pause', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    await it.claim.last.fail(new StoreRefused('MongoDB refused a claim', 'OutOfDiskSpace'));
    await it.clock.advance(99);
    assert.deepEqual([it.resolve.list.length, it.machine.state], [0, 'unresolved']);
    await it.clock.advance(1);
    await it.resolve.last.answer([]);
    assert.deepEqual(asks(it.claim.last.input), { a: [100, 200] });
    await it.commit();
    assert.deepEqual(it.executed(), [100, 200]);
    assert.deepEqual(it.tests.reports, [
      'a claim was refused; making it again when it is sure that nothing was committed',
    ]);
  });
});

describe('a schedule that is gone before its claim is answered', () => {
  const ways: [string, Parameters<ReturnType<typeof running>['send']>[0]][] = [
    ['deleted', deleted('a')],
    ['missing from a fresh snapshot', loadedEvent()],
  ];
  for (const [how, event] of ways) {
    it(`has what was committed executed all the same: ${how} (G7)`, async () => {
      const it = running(A);
      it.send(won());
      await it.clock.advance(100);
      it.send(event);
      await it.commit();
      assert.deepEqual(it.executed(), [100]);
    });
  }

  it('leaves no job behind when nothing was committed', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.send(deleted('a'));
    await it.commit(['a']);
    assert.equal(it.jobs.size, 0);
  });
});

/** What may come next, one way or the other; nothing, when it is about a claim and none is in flight. */
type Move = 'WON' | 'LOST' | 'ENDING' | 'due' | 'commits' | 'fenced' | 'fails' | 'ours' | 'owed';
const MOVES: Move[] = ['WON', 'LOST', 'ENDING', 'due', 'commits', 'fenced', 'fails', 'ours', 'owed'];

/** Plays the moves, and checks after each one what can never happen. False when one of them does not apply. */
async function play(moves: readonly Move[]): Promise<boolean> {
  const it = running(A);
  const durable = new Set<string>();
  let grant: Grant | null = null;
  let term = 7;
  let isAwaited = false;
  /** Calls that were seen, and those among them that are answered. */
  const seen = { claims: 0, resolves: 0, answered: 0 };
  const pending = () => it.claim.list.length + it.resolve.list.length - seen.answered;
  const answer = async (how: () => Promise<void>) => {
    seen.answered++;
    await how();
  };
  const asked = () => it.claim.last.input.requests.flatMap(({ runs }) => runs);
  const moved: Record<Move, () => Promise<void> | void> = {
    WON: () => {
      grant = { ...GRANT, term: ++term };
      isAwaited = false;
      it.send(won(mark(0), grant));
    },
    LOST: () => {
      grant = null;
      it.send(LOST);
    },
    ENDING: () => {
      grant = null;
      isAwaited = true;
      it.send(ENDING);
    },
    due: async () => {
      await it.clock.advance(100);
      it.send(mirrored(it.clock.now() - T));
    },
    commits: () => {
      for (const run of asked()) durable.add(run.id);
      return answer(() => it.commit());
    },
    fenced: () => {
      if (grant?.term === it.claim.last.input.grant.term) grant = null;
      return answer(() => it.claim.last.answer({ kind: 'fenced' }));
    },
    fails: () => answer(() => (it.machine.state === 'claiming' ? it.claim : it.resolve).last.fail()),
    ours: () => {
      for (const run of asked()) durable.add(run.id);
      return answer(() => it.resolve.last.answer(asked()));
    },
    owed: () => answer(() => it.resolve.last.answer([])),
  };
  const applies = (move: Move) => {
    if (move === 'commits' || move === 'fenced') return it.machine.state === 'claiming';
    if (move === 'ours' || move === 'owed') return it.machine.state === 'resolving';
    return move !== 'fails' || pending() > 0;
  };
  for (const [step, move] of moves.entries()) {
    if (!applies(move)) return false;
    await moved[move]();
    const way = moves.slice(0, step + 1).join(', ');
    assert.ok(pending() <= 1, `two claims in flight after ${way}`);
    assert.deepEqual(it.context().grant, grant, `it knows whether it leads, after ${way}`);
    const isInFlight = ['claiming', 'resolving', 'unresolved'].includes(it.machine.state);
    assert.equal(it.queue.taken.length > 0, isInFlight, `what is in flight is set aside, after ${way}`);
    const executed = it.execute.list.map(({ input }) => input.run.id);
    assert.deepEqual(executed.toSorted(), [...durable].sort(), `what is durable is executed, after ${way}`);
    for (const { input: batch } of it.claim.list.slice(seen.claims)) {
      assert.deepEqual(batch.grant, grant, `a claim without a grant after ${way}`);
      const settled = new Set([...durable, ...asked().map((run) => run.id)]);
      const throughMs = batch.marks.settled.claimedThroughMs;
      for (let atMs = T + 100; atMs <= throughMs; atMs += 100) {
        assert.ok(settled.has(runId('a', new Date(atMs))), `the watermark is past what is owed after ${way}`);
      }
    }
    seen.claims = it.claim.list.length;
    const stoodDown = it.machine.heard().filter((type) => type === 'SCHEDULER.STOOD_DOWN').length;
    assert.equal(
      stoodDown,
      isAwaited && !isInFlight ? 1 : 0,
      `it stands down once, when all is settled: ${way}`,
    );
    if (stoodDown > 0) isAwaited = false;
  }
  return true;
}

/** Plays these moves, and everything that may follow them. */
async function playOn(moves: readonly Move[], more: number): Promise<void> {
  if (!await play(moves) || more === 0) return;
  for (const move of MOVES) await playOn([...moves, move], more - 1);
}

it('scheduler: whatever comes in whatever order, nothing happens that never can', async () => {
  const starts: Move[][] = [['WON', 'due'], ['WON', 'due', 'fails']];
  for (const start of starts) await playOn(start, 3);
});

describe('the watermark that is written', () => {
  function given(more: Partial<Parameters<typeof nextMark>[0]> = {}) {
    const queue = new DueQueue();
    queue.put(A, mark(0));
    return { queue, mark: mark(0), mirroredMs: T + 70, ...more };
  }

  it('is now, as long as nothing is owed, and what the mirror knows', () => {
    assert.deepEqual(nextMark(given(), T + 80, 'now'), mark(80, 70));
  });

  it('does not pass what is owed', () => {
    assert.deepEqual(nextMark(given(), T + 180, 'now'), mark(99, 70));
  });

  it('stays while our mirror is behind the one of the last leader (G2)', () => {
    assert.deepEqual(nextMark(given({ mark: mark(10, 71) }), T + 80, 'now'), mark(10, 71));
    assert.deepEqual(nextMark(given({ mark: mark(10, 70) }), T + 80, 'now'), mark(80, 70));
    assert.deepEqual(nextMark(given({ mirroredMs: -Infinity }), T + 80, 'now'), mark(0));
  });

  it('never goes back', () => {
    assert.deepEqual(nextMark(given({ mark: mark(70, 60) }), T + 80, 'now'), mark(80, 70));
    assert.deepEqual(
      nextMark(given({ mark: mark(90, 60) }), T + 80, 'now'),
      mark(90, 60),
      'neither number alone',
    );
  });
});
