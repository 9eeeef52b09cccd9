import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JobPool } from '../../../src/actors/runs/jobs.ts';
import { StoreRefused } from '../../../src/actors/shared/storeErrors.ts';
import type { SchedulerInput } from '../../../src/actors/firing/schedulerContext.ts';
import { schedulerMachine } from '../../../src/actors/firing/scheduler.ts';
import { DueQueue } from '../../../src/domain/firing/dueQueue.ts';
import type { Grant } from '../../../src/domain/leadership/lease.ts';
import { runId } from '../../../src/domain/runs/run.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { walk } from '../../support/machines/walk.ts';
import {
  A,
  ENDING,
  GRANT,
  lease,
  loadedEvent,
  LOST,
  mark,
  NEXT_GRANT,
  progress,
  running,
  T,
  upsert,
  won,
} from '../../support/scheduling.ts';

describe('scheduler', () => {
  /** So long after the beginning of a schedule that is due after 100 ms. */
  function inputOf(sinceMs: number): SchedulerInput {
    const queue = new DueQueue();
    queue.put(A, mark(0));
    return {
      queue,
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
    long.context.queue.remove('a');
    assert.deepEqual(long.on(won()).does.at(-1), 'after 1000');
  });

  it('claims at once what is due already', () => {
    const it = claiming();
    assert.deepEqual([it.state, it.does.slice(-2)], ['claiming', ['take', 'start claim']]);
  });

  it('settles what was committed, and waits for the next', () => {
    const it = claiming();
    it.context.queue.remove('a');
    it.answers('claim', COMMITTED);
    assert.equal(it.state, 'waiting');
    const deeds = it.does.map((deed) => typeof deed === 'string' ? deed : deed[0]);
    assert.deepEqual(deeds, ['finish', 'claimed', 'after 1000']);
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
          ...[loadedEvent(A), upsert(A), progress(30)],
        ],
        answers: { claim: [COMMITTED, { kind: 'fenced' }, { kind: 'early', serverNowMs: T }], resolve: [[]] },
        failures: { claim: [new Error('no answer'), new StoreRefused('the disk is full', 'OutOfDiskSpace')] },
        by: ({ grant, claimTerm, mark, mirroredMs, ending }) => [
          grant?.term,
          claimTerm,
          mark,
          mirroredMs,
          ending,
        ],
        invariant: (state, { grant, claimTerm, claimNumber, mark, ending }, underWay) => {
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
          assert.ok(mark.claimedThroughMs === 0 || mark.claimedThroughMs >= T);
        },
      });
    const { reached, all, untaken } = search(inputOf(40), inputOf(100));
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
    assert.deepEqual(search({ ...inputOf(100), isTrusted: () => false }).reached, ['idle', 'waiting']);
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
      it.send(progress(it.clock.now() - T));
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
