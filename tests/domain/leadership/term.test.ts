import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Term, termsOf, withEnd } from '../../../src/domain/leadership/term.ts';
import type { Lease } from '../../../src/domain/leadership/lease.ts';
import { heldLease, leaseWith } from '../../support/leases.ts';
import { termOf } from '../../support/terms.ts';

const at = (second: number) => new Date(Date.UTC(2030, 0, 1, 0, 0, second));

/** A lease that was acquired `second` seconds after the start, for 3 s, and not renewed. */
const lease = (holder: string, term: number, second: number, changes: Partial<Lease> = {}) =>
  heldLease(holder, term, at(second).getTime(), changes);

const NEVER_LED = leaseWith({});

const began = (holder: string, term: number, second: number, gap_ms: number | null) =>
  termOf(holder, term, at(second), { gap_ms });

describe('termsOf', () => {
  it('knows of no end, and no gap, before the first term', () => {
    const terms = termsOf({ lease: lease('a', 1, 0), previous: NEVER_LED });
    assert.deepEqual(terms, { began: began('a', 1, 0, null), ended: null });
  });

  it('ends a released term at the release', () => {
    const previous = lease('a', 1, 0, { released_at: at(8), expires_at: at(8), renewed_at: at(7) });
    const terms = termsOf({ lease: lease('b', 2, 10), previous });
    const { gap_ms: _, ...a } = began('a', 1, 0, null);
    assert.deepEqual(terms, {
      began: began('b', 2, 10, 2000),
      ended: { ...a, ended_at: at(8), ended_by: 'released' },
    });
  });

  it('ends a term that ran out at its expiry, also in the very moment of it', () => {
    for (const [takenAt, gap] of [[5, 2000], [3, 0]] as const) {
      const terms = termsOf({ lease: lease('b', 2, takenAt), previous: lease('a', 1, 0) });
      assert.deepEqual([terms.ended?.ended_by, terms.ended?.ended_at], ['expired', at(3)]);
      assert.equal(terms.began.gap_ms, gap);
    }
  });

  it('ends a term at the release, when its leader was asked to step down, and says so', () => {
    const changes: Partial<Lease> = { released_at: at(8), released_by: 'stepped down', expires_at: at(8) };
    const { began: b, ended } = termsOf({ lease: lease('b', 2, 9), previous: lease('a', 1, 0, changes) });
    assert.deepEqual([ended?.ended_by, ended?.ended_at, b.gap_ms], ['stepped down', at(8), 1000]);
  });

  it('ends a pre-empted term when its process was seen to be gone', () => {
    const next = lease('b', 2, 2, { began_by: 'pre-empted', predecessor_died_at: at(1) });
    const { began: b, ended } = termsOf({ lease: next, previous: lease('a', 1, 0) });
    assert.deepEqual([ended?.ended_by, ended?.ended_at], ['fenced', at(1)]);
    assert.deepEqual([b.began_by, b.began_at, b.gap_ms], ['pre-empted', at(2), 1000]);
  });

  it('ends a term at its own end if that came before the pre-emption', () => {
    const next = lease('b', 2, 4, { began_by: 'pre-empted', predecessor_died_at: at(1) });
    const released = lease('a', 1, 0, { released_at: at(2), released_by: 'released', expires_at: at(2) });
    for (
      const [previous, by, second] of [[lease('a', 1, 0), 'expired', 3], [released, 'released', 2]] as const
    ) {
      const { began: b, ended } = termsOf({ lease: next, previous });
      assert.deepEqual([ended?.ended_by, ended?.ended_at], [by, at(second)]);
      assert.equal(b.gap_ms, (4 - second) * 1000);
    }
  });

  it('ends a pre-empted term when it was taken away, if that is all that is known', () => {
    const terms = termsOf({
      lease: lease('b', 2, 1, { began_by: 'pre-empted' }),
      previous: lease('a', 1, 0, { began_by: 'pre-empted' }),
    });
    assert.deepEqual([terms.ended?.ended_by, terms.ended?.ended_at], ['fenced', at(1)]);
    assert.equal(terms.ended?.began_by, 'pre-empted', 'how the term before began is its own affair');
    assert.deepEqual([terms.began.began_by, terms.began.gap_ms], ['pre-empted', 0]);
  });

  it('says of a pre-emption that came after the end that the term had expired', () => {
    const terms = termsOf({
      lease: lease('b', 2, 4, { began_by: 'pre-empted' }),
      previous: lease('a', 1, 0),
    });
    assert.deepEqual([terms.ended?.ended_by, terms.began.gap_ms], ['expired', 1000]);
  });

  it('ends a term under which the same process took the lease again', () => {
    const { began, ended } = termsOf({ lease: lease('a', 2, 1), previous: lease('a', 1, 0) });
    assert.deepEqual([ended?.term, ended?.boot, ended?.ended_by, ended?.ended_at], [
      1,
      'boot-a',
      'fenced',
      at(1),
    ]);
    assert.deepEqual([began.term, began.boot, began.gap_ms], [2, 'boot-a', 0]);
  });

  it('has no negative gap, although the server’s clock went back after a failover', () => {
    const previous = lease('a', 1, 0, { released_at: at(8), expires_at: at(8) });
    const { began, ended } = termsOf({ lease: lease('b', 2, 7), previous });
    assert.deepEqual([began.gap_ms, ended?.ended_at], [0, at(8)]);
  });
});

describe('withEnd', () => {
  const term = began('a', 1, 0, null);
  const reading = (second: number, changes: Partial<Lease> = {}) => ({
    lease: lease('a', 1, 0, changes),
    serverNowMs: at(second).getTime(),
  });

  it('leaves a term open while it lasts', () => {
    assert.deepEqual(withEnd(term, reading(2)), term);
  });

  it('ends the newest term when its lease has run out or was released', () => {
    assert.deepEqual(withEnd(term, reading(3)), { ...term, ended_at: at(3), ended_by: 'expired' });
    const released = reading(2, { released_at: at(1), expires_at: at(1) });
    assert.deepEqual(withEnd(term, released), { ...term, ended_at: at(1), ended_by: 'released' });
    const stepped = reading(2, { released_at: at(1), released_by: 'stepped down', expires_at: at(1) });
    assert.deepEqual(withEnd(term, stepped), { ...term, ended_at: at(1), ended_by: 'stepped down' });
  });

  it('heeds the lease for no other term', () => {
    const later = { lease: lease('b', 2, 10), serverNowMs: at(60).getTime() };
    assert.deepEqual(withEnd(term, later), term);
  });

  it('leaves a recorded end as it is', () => {
    const ended: Term = { ...term, ended_at: at(2), ended_by: 'fenced' };
    assert.deepEqual(withEnd(ended, reading(60)), ended);
  });
});
