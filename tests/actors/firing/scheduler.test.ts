import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JobPool } from '../../../src/actors/runs/jobs.ts';
import { StoreRefused } from '../../../src/actors/shared/storeErrors.ts';
import type { SchedulerInput } from '../../../src/actors/firing/schedulerContext.ts';
import { schedulerMachine } from '../../../src/actors/firing/scheduler.ts';
import { Backlog } from '../../../src/domain/runs/backlog.ts';
import { Places } from '../../../src/domain/runs/places.ts';
import { Progress } from '../../../src/domain/firing/progress.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { walk } from '../../support/machines/walk.ts';
import {
  A,
  ENDING,
  lease,
  loadedEvent,
  LOST,
  mark,
  mirrored,
  NEXT_GRANT,
  T,
  upsert,
  won,
} from './schedulerSetup.ts';

describe('scheduler', () => {
  /** So long after the beginning of a schedule that is due after 100 ms. */
  function inputOf(sinceMs: number): SchedulerInput {
    const progress = new Progress();
    progress.queue.put(A, mark(0));
    return {
      progress,
      jobs: { withdraw: () => {} } as JobPool,
      places: new Places(500),
      backlog: new Backlog(),
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
    exhausted: [],
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
    assert.deepEqual(deeds, ['noteMark', 'finish', 'claimed', 'retryBlocked', 'after 1000']);
  });

  it('reads the store first when an earlier leader may have claimed much after the watermark', () => {
    const it = start(true).on({ ...won(), lastClaimMs: T + 60_000 });
    assert.equal(it.state, 'claiming', 'not much is due yet');
    const behind = walk(schedulerMachine, inputOf(20_000)).on({ ...won(), lastClaimMs: T + 15_000 });
    assert.deepEqual([behind.state, behind.does.at(-1)], ['surveying', 'start survey']);
    behind.fails('survey', 'cut off');
    assert.equal(behind.state, 'unsurveyed');
    assert.equal(behind.after('retry').state, 'surveying');
    assert.equal(behind.answers('survey', new Map([['a', T + 9000]])).state, 'claiming');
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
          ...[loadedEvent(A), upsert(A), mirrored(30), { ...won(), lastClaimMs: T + 15_000 }],
        ],
        answers: {
          claim: [COMMITTED, { kind: 'fenced' }, { kind: 'early', serverNowMs: T }],
          resolve: [[]],
          survey: [new Map()],
        },
        failures: { claim: [new Error('no answer'), new StoreRefused('the disk is full', 'OutOfDiskSpace')] },
        by: ({ grant, claimTerm, ending, unsurveyed }) => [grant?.term, claimTerm, ending, unsurveyed.length],
        invariant: (state, { grant, claimTerm, claimNumber, ending }, underWay) => {
          assert.deepEqual(
            underWay,
            { claiming: ['claim'], resolving: ['resolve'], surveying: ['survey'] }[state] ?? [],
            'one claim in flight',
          );
          const isInFlight = ['claiming', 'resolving', 'unresolved'].includes(state);
          if (!isInFlight) assert.equal(grant !== null, state !== 'idle', 'it waits only while it leads');
          if (!isInFlight) assert.equal(ending, false, 'the end has been announced');
          if (ending) assert.equal(grant, null, 'nothing more is claimed');
          if (isInFlight) assert.ok(claimTerm > 0 && claimNumber > 0, 'a claim has a term, and a number');
        },
      });
    const { reached, all, untaken } = search(inputOf(40), inputOf(100), inputOf(20_000));
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
    assert.deepEqual(search({ ...inputOf(100), isTrusted: () => false }).reached, ['idle', 'waiting']);
  });
});
