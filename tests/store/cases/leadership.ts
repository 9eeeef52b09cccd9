import assert from 'node:assert/strict';
import { type EndedTerm, type Term, termsOf } from '../../../src/domain/leadership/term.ts';
import { termOf } from '../../support/terms.ts';
import { at, candidate, lead, LONG_MS, type Test } from '../support.ts';

/** A term that begins `second` seconds after the start, and has not ended. */
const began = (term: number, second: number, gap_ms: number | null) =>
  termOf(`r${term}`, term, at(second), { gap_ms });

const FIRST = began(1, 0, null);
const SECOND = began(2, 12, 2000);
const THIRD = began(3, 20, 0);
const FIRST_ENDED = { ...FIRST, ended_at: at(10), ended_by: 'expired' as const };
const SECOND_ENDED = { ...SECOND, ended_at: at(20), ended_by: 'fenced' as const };

/** What the successor knows of it. */
function endOf({ gap_ms: _, ...ended }: Term): EndedTerm {
  return ended;
}

/** What the leaders of three terms record, each from its own acquisition. */
const BY_FIRST = { began: FIRST, ended: null };
const BY_SECOND = { began: SECOND, ended: endOf(FIRST_ENDED) };
const BY_THIRD = { began: THIRD, ended: endOf(SECOND_ENDED) };

export function leadershipCases(test: Test): void {
  test('lists nothing before the first term', async (store) => {
    assert.deepEqual(await store.leadership.list(10), []);
  });

  test('keeps how a term began, and how it ended by what its successor says', async (store) => {
    await store.leadership.record(BY_FIRST);
    assert.deepEqual(await store.leadership.list(10), [FIRST]);
    await store.leadership.record(BY_SECOND);
    assert.deepEqual(await store.leadership.list(10), [SECOND, FIRST_ENDED]);
  });

  test('has a term that its own leader never recorded', async (store) => {
    await store.leadership.record(BY_FIRST);
    await store.leadership.record(BY_THIRD);
    assert.deepEqual(await store.leadership.list(10), [THIRD, { ...SECOND_ENDED, gap_ms: null }, FIRST]);
  });

  const records = { 1: BY_FIRST, 2: BY_SECOND, 3: BY_THIRD };
  const orders = [[1, 2, 3], [3, 2, 1], [2, 3, 1], [1, 2, 3, 1, 2, 3], [3, 2, 3, 1, 2]] as const;
  for (const order of orders) {
    test(`knows all ends and gaps whatever was recorded first and twice: ${order.join(', ')}`, async (store) => {
      for (const term of order) await store.leadership.record(records[term]);
      assert.deepEqual(await store.leadership.list(10), [THIRD, SECOND_ENDED, FIRST_ENDED]);
    });
  }

  test('may be told by several at once', async (store, connect) => {
    const others = [connect(), connect()];
    const writers = [store, ...others, store, ...others];
    await Promise.all(writers.map((writer) => writer.leadership.record(BY_SECOND)));
    assert.deepEqual(await store.leadership.list(10), [SECOND, { ...FIRST_ENDED, gap_ms: null }]);
  });

  test('lists the newest first, up to the limit', async (store) => {
    for (const term of [9, 10, 2, 11]) {
      await store.leadership.record({ began: began(term, term, 5), ended: null });
    }
    assert.deepEqual((await store.leadership.list(3)).map(({ term }) => term), [11, 10, 9]);
    assert.deepEqual((await store.leadership.list(10)).map(({ term }) => term), [11, 10, 9, 2]);
  });

  test('takes what the lease store says about an acquisition', async (store) => {
    const { grant } = await lead(store, 'a');
    await store.lease.release(grant, 'released');
    const second = await store.lease.acquire(candidate('b'), LONG_MS, null);
    assert.ok(second);
    const third = await store.lease.acquire(candidate('c'), LONG_MS, {
      holder: 'b',
      boot: 'boot-b',
      term: 2,
      diedAt: new Date((second.lease.acquired_at as Date).getTime() - 1),
    });
    assert.ok(third);
    for (const acquisition of [second, third]) await store.leadership.record(termsOf(acquisition));
    const terms = await store.leadership.list(10);
    assert.deepEqual(
      terms.map(({ term, replica, began_by, ended_by }) => [term, replica, began_by, ended_by]),
      [
        [3, 'c', 'pre-empted', null],
        [2, 'b', 'acquired', 'fenced'],
        [1, 'a', 'acquired', 'released'],
      ],
    );
    assert.deepEqual(terms[1]?.ended_at, terms[1]?.began_at, 'its process was gone at once');
    assert.equal(
      terms[0]?.gap_ms,
      (terms[0]?.began_at as Date).getTime() - (terms[1]?.ended_at as Date).getTime(),
    );
    assert.equal(
      terms[1]?.gap_ms,
      (terms[1]?.began_at as Date).getTime() - (terms[2]?.ended_at as Date).getTime(),
    );
  });

  test('lists the terms before another one', async (store) => {
    await store.leadership.record(BY_FIRST);
    await store.leadership.record(BY_SECOND);
    await store.leadership.record(BY_THIRD);
    assert.deepEqual(await store.leadership.list(10, 3), [SECOND_ENDED, FIRST_ENDED]);
    assert.deepEqual(await store.leadership.list(1, 3), [SECOND_ENDED]);
    assert.deepEqual(await store.leadership.list(10, 1), []);
  });
}
