/** The audit itself: it must find each kind of violation. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { audit, type Findings, type RecordedRun } from '../../harness/chaos/audit.ts';
import type { Execution } from '../../harness/chaos/fleet.ts';
import { impactOf } from '../../harness/chaos/impacts.ts';
import { Ledger } from '../../harness/chaos/ledger.ts';
import { planStorm } from '../../harness/chaos/plan.ts';
import { SeededRandom } from '../../harness/chaos/random.ts';

const EVERY_MS = 100;
/** In the past: all requests in the ledger are later. */
const CREATED_MS = Date.now() - 10_000;
const at = (k: number) => new Date(CREATED_MS + k * EVERY_MS);
const id = (k: number) => `s@${at(k).toISOString()}`;

/** The record of the k-th occurrence. */
function run(k: number, more: Partial<RecordedRun> = {}): RecordedRun {
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
function ledgerOfOne(): Ledger {
  const ledger = new Ledger();
  ledger.creating('s', EVERY_MS);
  ledger.defined('s', { revision: 1, created_at: at(0).toISOString(), updated_at: at(0).toISOString() });
  return ledger;
}

const FIVE = [1, 2, 3, 4, 5];

function auditOf(
  runs: RecordedRun[],
  executions: Execution[],
  {
    ledger = ledgerOfOne(),
    stored = new Map([['s', { revision: 1, created_at: at(0), updated_at: at(0) }]]),
  } = {},
): Findings {
  return audit({ entries: ledger.settle(stored), runs, executions, throughMs: at(5).getTime() });
}

const without = (k: number) => FIVE.filter((other) => other !== k).map((other) => run(other));
const executed = FIVE.map((k) => execution(k));

describe('the audit', () => {
  it('finds no violation when there is none, and counts', () => {
    const { counts, ...violations } = auditOf(FIVE.map((k) => run(k)), executed);
    assert.deepEqual(Object.values(violations), [[], [], [], [], [], [], [], [], []]);
    assert.equal(counts.occurrences, 5);
    assert.equal(counts.claimed, 5);
    assert.equal(counts.executions, 5);
  });

  it('finds an occurrence without a record', () => {
    assert.deepEqual(auditOf(without(3), executed.filter(({ runId }) => runId !== id(3))).lost, [id(3)]);
  });

  it('accepts one record for several occurrences, unless its count is wrong or includes one that has a run', () => {
    const missed = (count: number) => run(3, { state: 'missed', attempt: 0, since: at(2), count });
    const others = [1, 4, 5].map((k) => run(k));
    const executions = [1, 4, 5].map((k) => execution(k));
    const good = auditOf([...others, missed(2)], executions);
    assert.deepEqual([good.lost, good.notOwed, good.doubled], [[], [], []]);
    assert.equal(good.counts.missed, 2);
    assert.equal(auditOf([...others, missed(3)], executions).notOwed.length, 1);
    assert.equal(auditOf([...others, run(2), missed(2)], [...executions, execution(2)]).doubled.length, 1);
  });

  it('finds an attempt that was executed twice, and accepts a second attempt', () => {
    const runs = FIVE.map((k) => run(k));
    assert.equal(auditOf(runs, [...executed, execution(2, { life: 'r2#1' })]).doubled.length, 1);
    const adopted = auditOf(runs, [...executed, execution(2, { life: 'r2#1', attempt: 2 })]);
    assert.deepEqual(adopted.doubled, []);
    assert.equal(adopted.counts['re-attempted'], 1);
  });

  it('finds a run that succeeded without an execution, and an execution without a record', () => {
    assert.equal(auditOf(FIVE.map((k) => run(k)), executed.slice(1)).unlogged.length, 1);
    assert.equal(auditOf(FIVE.map((k) => run(k)), [...executed, execution(6)]).notOwed.length, 1);
  });

  it('finds records that are not owed: between occurrences, of an unknown revision, of an unknown schedule', () => {
    const between = run(3, {
      scheduled_for: new Date(at(3).getTime() + 7),
      since: new Date(at(3).getTime() + 7),
    });
    assert.equal(auditOf([...without(3), between], executed).notOwed.length, 1);
    assert.equal(auditOf([...without(3), run(3, { schedule_revision: 2 })], executed).notOwed.length, 1);
    assert.equal(
      auditOf([...FIVE.map((k) => run(k)), run(1, { schedule_id: 'other' })], executed).notOwed.length,
      1,
    );
  });

  it('finds a claim under an old term, and a run that has not ended', () => {
    assert.equal(auditOf([...without(2), run(2, { term: 2 })], executed).oldTerm.length, 3);
    assert.deepEqual(auditOf([...without(2), run(2, { state: 'claimed' })], executed).open, [id(2)]);
  });

  it('accepts unclaimed occurrences of a deleted schedule, but not before a claimed one', () => {
    const deleted = () => {
      const ledger = ledgerOfOne();
      ledger.deleting('s');
      ledger.deleted('s');
      return { ledger, stored: new Map() };
    };
    const unclaimed = auditOf([run(1), run(2)], [execution(1), execution(2)], deleted());
    assert.deepEqual(unclaimed.lost, []);
    assert.equal(unclaimed.counts.gone, 3);
    assert.deepEqual(auditOf([run(1), run(3)], [execution(1), execution(3)], deleted()).lost, [id(2)]);
  });

  it('finds a claim after an acknowledged deletion', () => {
    const ledger = ledgerOfOne();
    ledger.deleting('s');
    ledger.deleted('s');
    ledger.ended('s', 1, 4);
    assert.equal(
      auditOf(FIVE.map((k) => run(k)), executed, { ledger, stored: new Map() }).afterEnd.length,
      1,
    );
  });

  it('decides a request without an answer by the store, and throws when the store contradicts an answer', () => {
    const replaced = { revision: 2, created_at: at(0), updated_at: at(3) };
    const ledger = ledgerOfOne();
    ledger.replacing('s', EVERY_MS, Infinity);
    const runs = FIVE.map((k) => run(k, { schedule_revision: k > 3 ? 2 : 1 }));
    const findings = auditOf(runs, executed, { ledger, stored: new Map([['s', replaced]]) });
    assert.deepEqual([findings.lost, findings.notOwed], [[], []]);
    assert.throws(
      () => auditOf(runs, executed, { stored: new Map([['s', replaced]]) }),
      /the store holds s as/,
    );
    assert.throws(() => auditOf(runs, executed, { stored: new Map() }), /the store holds s as/);
  });
});

describe('the impact of a fault', () => {
  const before = [execution(1), execution(2)];
  const injection = { kinds: ['kill -9'], beganMs: 210, overMs: 2000, deposed: 'r1#1' };

  it('is the time to the first execution by another replica under a new term, and the longest pause', () => {
    const after = [
      execution(3, { readMs: 220 }),
      execution(4, { readMs: 900, life: 'r2#1', term: 2 }),
      execution(5, { readMs: 950, life: 'r2#1', term: 2 }),
    ];
    assert.deepEqual(impactOf(injection, [...before, ...after]), {
      cause: 'kill -9',
      takeoverMs: 690,
      pauseMs: 680,
    });
  });

  it('has no takeover when the leader stays', () => {
    const after = [execution(3, { readMs: 900 })];
    assert.deepEqual(impactOf(injection, [...before, ...after]), {
      cause: 'kill -9',
      takeoverMs: null,
      pauseMs: 700,
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

  it('is the same for the same seed, and differs for another one', () => {
    assert.deepEqual(firstOf(7), firstOf(7));
    assert.notDeepEqual(firstOf(7), firstOf(8));
  });
});
