/** Who executes what the leader claims: itself while it has a place, else the first executor that has one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Run } from '../../../src/domain/runs/run.ts';
import { every } from '../../support/schedules.ts';
import { A, leading, LOST, running, T, won } from './schedulerSetup.ts';

type Leader = ReturnType<typeof running>;

/** The leader of a schedule that is due every 10 ms, with so many free places. */
function withFree(free: number): Leader {
  const it = running(every(10, T, { id: 'a' }));
  // Each for a schedule of its own: fairness between schedules is another test's.
  for (let k = 0; k < it.places.max - free; k++) it.places.take(`other-${k}`, `other-${k}`);
  return it;
}

const claimedNow = (it: Leader): Run[] => it.claim.last.input.requests.flatMap(({ runs }) => runs);
const heard = (it: Leader) => it.machine.heard().filter((type) => type.startsWith('RUNS.'));

describe('scheduler: places', () => {
  it('keeps what it has a place for, and claims the rest unowned, oldest first', async () => {
    const it = withFree(2);
    await it.clock.advance(30);
    it.send(won());
    assert.deepEqual(
      claimedNow(it).map(({ attempt, executor, executor_boot, waiting_for }) => [
        attempt,
        executor,
        executor_boot,
        waiting_for,
      ]),
      [[1, 'r1', 'b1', null], [1, 'r1', 'b1', null], [0, null, null, 'place']],
    );
    await it.commit();
    assert.deepEqual([it.executed(), it.places.free], [[10, 20], 0]);
  });

  it('tells the executors of what found no place, once it is durable, and of nothing else', async () => {
    const it = withFree(2);
    it.send(won());
    await it.clock.advance(10);
    await it.commit();
    await it.clock.advance(10);
    await it.commit();
    assert.deepEqual(heard(it), [], 'everything has a place');
    await it.clock.advance(10);
    assert.deepEqual(heard(it), [], 'not durable yet');
    await it.commit();
    assert.deepEqual(heard(it), ['RUNS.AVAILABLE']);
  });

  it('holds a place while its claim is under way', async () => {
    const it = withFree(1);
    it.send(won());
    await it.clock.advance(10);
    assert.equal(it.places.free, 0);
  });

  const nothingOurs: [what: string, end: (it: Leader) => Promise<unknown>][] = [
    ['is fenced', (it) => it.claim.last.answer({ kind: 'fenced' })],
    ['is early', (it) => it.claim.last.answer({ kind: 'early', serverNowMs: T })],
    ['is of a stale schedule', (it) => it.commit(['a'])],
    ['was settled by another replica', (it) => it.commit([], claimedNow(it).map(({ id }) => id))],
    ['was not committed, as the resolution says', async (it) => {
      await it.claim.last.fail();
      it.tests.trusted = false;
      await it.resolve.last.answer([]);
    }],
  ];
  for (const [what, end] of nothingOurs) {
    it(`frees the places of a claim that ${what}`, async () => {
      const it = withFree(5);
      it.send(won());
      await it.clock.advance(10);
      assert.equal(it.places.free, 4);
      it.tests.trusted = false;
      await end(it);
      assert.deepEqual([it.places.free, it.executed()], [5, []]);
    });
  }

  it('keeps the places of a claim without an answer until it is resolved', async () => {
    const it = withFree(5);
    it.send(won());
    await it.clock.advance(10);
    await it.claim.last.fail();
    it.send(LOST);
    await it.clock.advance(1000);
    assert.equal(it.places.free, 4);
    await it.resolve.last.answer(it.resolve.last.input.runs);
    assert.deepEqual([it.executed(), it.places.free], [[10], 4]);
  });

  it('does not start what an executor, itself or another, has taken before the claim was answered', async () => {
    for (const boot of ['b1', 'b2']) {
      const it = withFree(1);
      await it.clock.advance(20);
      it.send(won());
      await it.claim.last.fail();
      const [own, other] = it.resolve.last.input.runs as [Run, Run];
      assert.deepEqual([own.attempt, other.attempt], [1, 0]);
      const taken = { ...other, attempt: 1, waiting_for: null, executor: 'r', executor_boot: boot };
      it.tests.trusted = false;
      await it.resolve.last.answer([own, taken]);
      assert.deepEqual([it.executed(), it.places.free], [[10], 0]);
      it.tests.trusted = true;
      await it.clock.advance(1000);
      assert.deepEqual(claimedNow(it).filter(({ id }) => id === other.id), [], 'it is settled');
    }
  });

  it('takes no place for what is not run, or not yet', async () => {
    const later = running(every(10, T, { id: 'a', jitter: '1h' }));
    later.send(won());
    await later.clock.advance(10);
    const [run] = claimedNow(later);
    assert.deepEqual([run?.waiting_for, run?.executor_boot, run?.attempt], ['jitter', null, 0]);
    assert.equal(later.places.used, 0);
    await later.commit();
    assert.deepEqual([later.executed(), heard(later), later.jobs.size], [[], ['RUNS.AVAILABLE'], 0]);
    const missed = running(every(10, T, { id: 'a' }));
    await missed.clock.advance(100_000);
    missed.send(won());
    const records = claimedNow(missed).filter(({ state }) => state === 'missed');
    assert.ok(records.length > 0);
    assert.equal(missed.places.used, claimedNow(missed).length - records.length);
  });

  it('does not give up the place of a run that goes on here when it claims that once more', async () => {
    const it = withFree(5);
    it.send(won());
    await it.clock.advance(10);
    await it.commit();
    const [run] = claimedNow(it) as [Run];
    assert.deepEqual([it.executed(), it.places.free], [[10], 4]);
    // As after a stream that repeats a deletion and what followed.
    it.queue.remove('a');
    it.queue.put(every(10, T, { id: 'a' }), { claimedThroughMs: T, mirroredThroughMs: T });
    await it.clock.advance(10);
    const again = claimedNow(it).filter(({ id }) => id === run.id);
    assert.equal(again.length, 1);
    it.tests.trusted = false;
    await it.commit([], claimedNow(it).map(({ id }) => id));
    assert.deepEqual([it.places.free, it.execute.last.signal.aborted], [4, false]);
  });
});

describe('scheduler: a schedule that has had all its runs', () => {
  it('claims nothing more of it', async () => {
    const it = leading(A);
    await it.advance(100);
    await it.commit([], [], ['a']);
    await it.advance(1000);
    assert.deepEqual([it.claim.list.length, it.executed()], [1, [100]]);
  });

  it('claims again once a change allows for more', async () => {
    const it = leading(A);
    await it.advance(100);
    await it.commit([], [], ['a']);
    await it.advance(250);
    const more = { ...A, revision: 2, max_runs: 5, updated_at: new Date(T + 350) };
    it.send({ type: 'MIRROR.CHANGED', change: { kind: 'upsert', schedule: more } });
    await it.advance(100);
    assert.equal(it.claim.list.length, 2);
    assert.equal(it.claim.last.input.requests[0]?.maxRuns, 5);
  });

  it('asks for no more than its limit, and for any number without one', async () => {
    const it = leading(every(100, T, { id: 'a', max_runs: 3 }), every(100, T, { id: 'b' }));
    await it.advance(100);
    assert.deepEqual(it.claim.last.input.requests.map(({ maxRuns }) => maxRuns), [3, null]);
  });
});
