/** An audit that finds nothing is worth something only if it would. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { audit, type Findings, type Recorded } from '../../harness/chaos/audit.ts';
import { Book } from '../../harness/chaos/book.ts';
import type { Execution } from '../../harness/chaos/fleet.ts';
import { impactOf } from '../../harness/chaos/impacts.ts';
import { planStorm } from '../../harness/chaos/plan.ts';
import { SeededRandom } from '../../harness/chaos/random.ts';

const EVERY_MS = 100;
/** A while ago, so that whatever is asked of the book is asked after it. */
const CREATED_MS = Date.now() - 10_000;
const at = (k: number) => new Date(CREATED_MS + k * EVERY_MS);
const id = (k: number) => `s@${at(k).toISOString()}`;

/** The record of the k-th occurrence. */
function run(k: number, more: Partial<Recorded> = {}): Recorded {
  return {
    _id: id(k),
    schedule_id: 's',
    schedule_revision: 1,
    scheduled_for: at(k),
    since: at(k),
    count: 1,
    state: 'succeeded',
    attempt: 1,
    term: 1,
    ...more,
  };
}

function execution(k: number, more: Partial<Execution> = {}): Execution {
  return { runId: id(k), attempt: 1, term: 1, life: 'r1#1', readMs: k * EVERY_MS, ...more };
}

/** A schedule that owes the occurrences 1 to 5. */
function book(): Book {
  const book = new Book();
  book.creating('s', EVERY_MS);
  book.defined('s', { revision: 1, created_at: at(0).toISOString(), updated_at: at(0).toISOString() });
  return book;
}

const FIVE = [1, 2, 3, 4, 5];

function auditOf(
  runs: Recorded[],
  executions: Execution[],
  { of = book(), stored = new Map([['s', { revision: 1, created_at: at(0), updated_at: at(0) }]]) } = {},
): Findings {
  return audit({ kept: of.settle(stored), runs, executions, throughMs: at(5).getTime() });
}

const without = (k: number) => FIVE.filter((other) => other !== k).map((other) => run(other));
const heard = FIVE.map((k) => execution(k));

describe('the audit', () => {
  it('finds nothing when there is nothing, and counts', () => {
    const { counts, lost, doubled, alien, fenceless, late, open } = auditOf(FIVE.map((k) => run(k)), heard);
    assert.deepEqual([lost, doubled, alien, fenceless, late, open], [[], [], [], [], [], []]);
    assert.equal(counts.occurrences, 5);
    assert.equal(counts.claimed, 5);
    assert.equal(counts.executions, 5);
  });

  it('finds an occurrence without a record', () => {
    assert.deepEqual(auditOf(without(3), heard.filter(({ runId }) => runId !== id(3))).lost, [id(3)]);
  });

  it('takes a record for several of them, and finds when it counts wrong or counts what has a run', () => {
    const missed = (count: number) => run(3, { state: 'missed', attempt: 0, since: at(2), count });
    const others = [1, 4, 5].map((k) => run(k));
    const executions = [1, 4, 5].map((k) => execution(k));
    const good = auditOf([...others, missed(2)], executions);
    assert.deepEqual([good.lost, good.alien, good.doubled], [[], [], []]);
    assert.equal(good.counts.missed, 2);
    assert.equal(auditOf([...others, missed(3)], executions).alien.length, 1);
    assert.equal(auditOf([...others, run(2), missed(2)], [...executions, execution(2)]).doubled.length, 1);
  });

  it('finds an attempt that was executed twice, and lets a second attempt be', () => {
    const runs = FIVE.map((k) => run(k));
    assert.equal(auditOf(runs, [...heard, execution(2, { life: 'r2#1' })]).doubled.length, 1);
    const adopted = auditOf(runs, [...heard, execution(2, { life: 'r2#1', attempt: 2 })]);
    assert.deepEqual(adopted.doubled, []);
    assert.equal(adopted.counts['re-attempted'], 1);
  });

  it('finds a run that is recorded as done and was never heard of, and one that was heard and is not recorded', () => {
    assert.equal(auditOf(FIVE.map((k) => run(k)), heard.slice(1)).lost.length, 1);
    assert.equal(auditOf(FIVE.map((k) => run(k)), [...heard, execution(6)]).alien.length, 1);
  });

  it('finds what is not owed: between the occurrences, and of a definition that nobody has made', () => {
    const between = run(3, {
      scheduled_for: new Date(at(3).getTime() + 7),
      since: new Date(at(3).getTime() + 7),
    });
    assert.equal(auditOf([...without(3), between], heard).alien.length, 1);
    assert.equal(auditOf([...without(3), run(3, { schedule_revision: 2 })], heard).alien.length, 1);
    assert.equal(
      auditOf([...FIVE.map((k) => run(k)), run(1, { schedule_id: 'other' })], heard).alien.length,
      1,
    );
  });

  it('finds a claim under a term that was over, and a run that was left open', () => {
    assert.equal(auditOf([...without(2), run(2, { term: 2 })], heard).fenceless.length, 3);
    assert.deepEqual(auditOf([...without(2), run(2, { state: 'claimed' })], heard).open, [id(2)]);
  });

  it('asks for nothing that was deleted unclaimed, but finds a gap before what was claimed', () => {
    const deleted = () => {
      const of = book();
      of.deleting('s');
      of.deleted('s');
      return { of, stored: new Map() };
    };
    const unclaimed = auditOf([run(1), run(2)], [execution(1), execution(2)], deleted());
    assert.deepEqual(unclaimed.lost, []);
    assert.equal(unclaimed.counts.gone, 3);
    assert.deepEqual(auditOf([run(1), run(3)], [execution(1), execution(3)], deleted()).lost, [id(2)]);
  });

  it('finds a claim after the answer to a deletion', () => {
    const of = book();
    of.deleting('s');
    of.deleted('s');
    of.ended('s', 1, 4);
    assert.equal(auditOf(FIVE.map((k) => run(k)), heard, { of, stored: new Map() }).late.length, 1);
  });

  it('takes the store at its word about a request without an answer, and at no other word', () => {
    const replaced = { revision: 2, created_at: at(0), updated_at: at(3) };
    const of = book();
    of.replacing('s', EVERY_MS, Infinity);
    const runs = FIVE.map((k) => run(k, { schedule_revision: k > 3 ? 2 : 1 }));
    const findings = auditOf(runs, heard, { of, stored: new Map([['s', replaced]]) });
    assert.deepEqual([findings.lost, findings.alien], [[], []]);
    assert.throws(() => auditOf(runs, heard, { stored: new Map([['s', replaced]]) }), /the store holds s as/);
    assert.throws(() => auditOf(runs, heard, { stored: new Map() }), /the store holds s as/);
  });
});

describe('the impact of a fault', () => {
  const before = [execution(1), execution(2)];
  const blow = { kinds: ['kill -9'], beganMs: 210, overMs: 2000, deposed: 'r1#1' };

  it('is the time until another replica runs something under a new term, and the longest silence', () => {
    const after = [
      execution(3, { readMs: 220 }),
      execution(4, { readMs: 900, life: 'r2#1', term: 2 }),
      execution(5, { readMs: 950, life: 'r2#1', term: 2 }),
    ];
    assert.deepEqual(impactOf(blow, [...before, ...after]), {
      cause: 'kill -9',
      takeoverMs: 690,
      silenceMs: 680,
    });
  });

  it('is no takeover when the leader stays', () => {
    const after = [execution(3, { readMs: 900 })];
    assert.deepEqual(impactOf(blow, [...before, ...after]), {
      cause: 'kill -9',
      takeoverMs: null,
      silenceMs: 700,
    });
  });
});

describe('the plan', () => {
  const firstOf = (seed: number) => {
    const plan = planStorm(new SeededRandom(seed));
    return Array.from({ length: 60 }, () => plan.next().value).flatMap(({ quietMs, faults }) =>
      faults.map(({ kind, holdMs, chance }) => `${quietMs} ${kind.name} ${holdMs} ${chance}`)
    );
  };

  it('is the same for the same seed, and another one for another', () => {
    assert.deepEqual(firstOf(7), firstOf(7));
    assert.notDeepEqual(firstOf(7), firstOf(8));
  });
});
