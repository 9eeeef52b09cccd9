import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readReplica, readTerm } from '../../../src/domain/membership/clusterReading.ts';
import { readLeaderChange, readLease } from '../../../src/domain/leadership/leaseReading.ts';
import { readRun } from '../../../src/domain/runs/runReading.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { claimed } from '../../support/runs.ts';

const run = claimed('s', 1000);
/** The record as another version has it, or a hand. */
const read = (changes: Record<string, unknown>) => readRun({ ...run, ...changes } as Partial<Run>);
const NOT_DATES = [undefined, null, 'soon', 5, new Date(NaN), {}];
const NOT_TEXTS = [undefined, null, 5, ['a'], {}];
const NOT_COUNTS = [undefined, null, '1', -1, NaN, Infinity, {}];

describe('a run that is read', () => {
  it('is as it was written, without what this version does not know', () => {
    assert.deepEqual(read({ colour: 'red' }), run);
  });

  it('has defaults for what an older version did not write', () => {
    const { id, schedule_id, scheduled_for, trigger, state, attempt, executor, executor_boot, claimed_at } =
      run;
    const old = {
      id,
      schedule_id,
      scheduled_for,
      trigger,
      state,
      attempt,
      executor,
      executor_boot,
      claimed_at,
    };
    const defaults = { ...run, schedule_revision: 0, term: 0, claim_number: 0, work: null };
    assert.deepEqual(readRun(old), defaults);
  });

  const wrong: Record<string, unknown[]> = {
    schedule_id: NOT_TEXTS,
    // Null for a run without an executor.
    executor: NOT_TEXTS.filter((value) => value != null),
    executor_boot: NOT_TEXTS.filter((value) => value != null),
    scheduled_for: NOT_DATES,
    claimed_at: NOT_DATES,
    attempt: NOT_COUNTS,
    state: ['half', undefined, ['claimed'], 'toString'],
    trigger: ['webhook', undefined],
  };
  for (const [field, values] of Object.entries(wrong)) {
    it(`is not understood when ${field} is wrong, and the reason names it`, () => {
      for (const value of values) {
        const found = read({ [field]: value }) as { id: string; not_understood: string };
        assert.equal(found.id, run.id);
        assert.ok(
          found.not_understood?.startsWith(`${field} is `),
          `${String(value)}: ${found.not_understood}`,
        );
      }
    });
  }

  it('says what is wrong in a sentence of bounded length', () => {
    assert.deepEqual(read({ state: 'half' }), {
      id: run.id,
      not_understood: 'state is "half", which this version does not know',
    });
    const { not_understood } = read({ claimed_at: 'x'.repeat(10_000) }) as { not_understood: string };
    assert.ok(not_understood.length < 100);
  });
});

describe('a lease that is read', () => {
  const at = new Date(5);
  const needed = { term: 3, expires_at: at, claimed_through: at, mirrored_through: at };

  it('has no holder unless it names one', () => {
    const lease = readLease(needed);
    assert.ok(typeof lease !== 'string');
    assert.deepEqual([lease.term, lease.holder, lease.released_at], [3, null, null]);
    assert.deepEqual(lease.watermark, { claimedThroughMs: 5, mirroredThroughMs: 5 });
  });

  for (const field of Object.keys(needed)) {
    it(`is not understood without a right ${field}`, () => {
      for (const value of field === 'term' ? NOT_COUNTS : NOT_DATES) {
        assert.match(String(readLease({ ...needed, [field]: value })), new RegExp(`^${field} is `));
      }
    });
  }

  it('is not understood when a field that may be missing is wrong', () => {
    const wrong = { holder: 5, boot: {}, released_at: 'never', renewed_at: 1, heir: [], step_down_term: '7' };
    for (const [field, value] of Object.entries(wrong)) {
      assert.match(String(readLease({ ...needed, [field]: value } as never)), new RegExp(`^${field} is `));
    }
  });

  it('has a leader change only as a whole', () => {
    const hands = { leader: null, boot: 'b', term: 1, by: 'released', at };
    assert.deepEqual(readLeaderChange(hands), hands);
    assert.match(String(readLeaderChange({ ...hands, at: 'now' })), /^at is "now", not a date$/);
  });
});

describe('a replica and a term that are read', () => {
  const at = new Date(5);
  const replica = {
    id: 'r',
    boot: 'b',
    role: 'leader',
    address: '',
    version: '2',
    started_at: at,
    last_seen: at,
  };
  const term = { term: 1, replica: 'r', boot: 'b', began_at: at, began_by: 'acquired' };

  it('have defaults, and words of a newer version are told as they are', () => {
    const found = readReplica({ ...replica, role: 'observer', transitions: [null, { at: 'x' }] } as never);
    assert.ok(!('not_understood' in found));
    assert.deepEqual([found.role, found.transitions, found.lost_at], ['observer', [], null]);
    assert.deepEqual(readTerm(term as never), { ...term, ended_at: null, ended_by: null, gap_ms: null });
  });

  it('are not understood when what is needed is wrong', () => {
    assert.match(JSON.stringify(readReplica({ ...replica, last_seen: 'x' } as never)), /last_seen is/);
    assert.match(JSON.stringify(readTerm({ ...term, began_at: undefined } as never)), /began_at is missing/);
  });
});
