import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunChange } from '../../../src/domain/runs/life.ts';
import { MAX_QUEUED, nextTurn, overlapping, REPLACED_WITHIN_MS } from '../../../src/domain/runs/overlap.ts';
import { type Run, workOf } from '../../../src/domain/runs/run.ts';
import { claimed, unowned } from '../../support/runs.ts';

const T = Date.UTC(2030, 0, 1);
const AT = new Date(T + 5000);
const WORK = { ...workOf({ work: null }), history: { success: '1h', failure: '2h' } };
const EXPIRES = new Date(AT.getTime() + 2 * 3_600_000);

type Policy = NonNullable<Run['overlap']>;

/** The n-th run, which the leader has claimed, and a place of its own. */
const fresh = (n: number, overlap: Run['overlap']): Run =>
  claimed('s', T + n * 1000, { overlap, work: WORK });
const running = (n: number, overlap: Policy, more: Partial<Run> = {}): Run => ({
  ...fresh(n, overlap),
  state: 'running',
  ...more,
});
const waiting = (
  n: number,
  overlap: Policy,
  waiting_for: Run['waiting_for'] = 'overlap',
  more: Partial<Run> = {},
) => unowned('s', T + n * 1000, { overlap, waiting_for, work: WORK, ...more });

const SKIPPED = {
  state: 'skipped',
  reason: 'overlap',
  waiting_for: null,
  finished_at: AT,
  expire_at: EXPIRES,
} as const;
/** Each change, in short. */
const told = (changes: readonly RunChange[]) =>
  changes.map(({ run, set }) =>
    `${(run.scheduled_for.getTime() - T) / 1000}: ${set.state ?? 'to abort'} ${set.reason ?? set.waiting_for}`
  );

describe('a run that falls due', () => {
  it('is run as well when runs may overlap, whatever is open', () => {
    const run = fresh(9, null);
    assert.deepEqual(overlapping(run, [running(1, 'skip')], AT), { run, changes: [] });
  });

  for (const policy of ['skip', 'queue', 'replace'] as const) {
    it(`is run when nothing is open: ${policy}`, () => {
      const run = fresh(9, policy);
      assert.deepEqual(overlapping(run, [], AT), { run, changes: [] });
    });
  }

  it('skip: is recorded as skipped, and keeps no action, as long as another is open, retries included', () => {
    const run = fresh(9, 'skip');
    const open = [
      running(1, 'skip'),
      waiting(1, 'skip', 'retry', { attempt: 1, state: 'retrying' }),
      waiting(1, 'skip', 'place'),
    ];
    for (const other of open) {
      assert.deepEqual(overlapping(run, [other], AT), {
        run: { ...run, ...SKIPPED, attempt: 0, work: null },
        changes: [],
      });
    }
  });

  it('queue: waits for its turn, and belongs to no executor', () => {
    const run = fresh(9, 'queue');
    for (const other of [running(1, 'queue'), waiting(1, 'queue')]) {
      const decided = overlapping(run, [other], AT);
      const nobody = { executor: null, executor_boot: null, attempt: 0 };
      assert.deepEqual(decided, { run: { ...run, waiting_for: 'overlap', ...nobody }, changes: [] });
    }
  });

  it('queue: waits with 100 others at most, and is skipped then (G9)', () => {
    const others = (count: number) => [
      running(0, 'queue'),
      ...Array.from({ length: count }, (_, k) => waiting(k + 1, 'queue')),
    ];
    assert.equal(MAX_QUEUED, 100);
    assert.equal(overlapping(fresh(999, 'queue'), others(99), AT).run.waiting_for, 'overlap');
    const full = overlapping(fresh(999, 'queue'), others(100), AT);
    assert.deepEqual([full.run.state, full.run.reason, full.changes], ['skipped', 'overlap', []]);
  });

  it('replace: waits until what runs has ended, which is to be aborted', () => {
    const run = fresh(9, 'replace');
    const decided = overlapping(run, [running(1, 'replace')], AT);
    assert.equal(decided.run.waiting_for, 'overlap');
    assert.deepEqual(decided.changes.map(({ set }) => set), [{ reason: 'replaced', is_last_attempt: true }]);
  });

  it('replace: asks no second time for the end of what is about to be aborted', () => {
    const asked = running(1, 'replace', { is_last_attempt: true, reason: 'requested' });
    assert.deepEqual(overlapping(fresh(9, 'replace'), [asked], AT).changes, []);
    const gone = running(1, 'replace', { is_last_attempt: true });
    assert.equal(overlapping(fresh(9, 'replace'), [gone], AT).changes.length, 1);
  });

  it('replace: takes the place of what waits, at once', () => {
    const run = fresh(9, 'replace');
    const before = waiting(2, 'replace', 'place');
    assert.deepEqual(overlapping(run, [before], AT), { run, changes: [{ run: before, set: SKIPPED }] });
    const failed = waiting(1, 'replace', 'retry', { attempt: 2, state: 'retrying' });
    const cancelled = { ...SKIPPED, state: 'cancelled', reason: 'replaced' };
    assert.deepEqual(overlapping(run, [failed], AT), { run, changes: [{ run: failed, set: cancelled }] });
  });

  it('replace: leaves one that waits, the newest, and skips those between', () => {
    const open = [
      running(1, 'replace', { is_last_attempt: true, reason: 'replaced' }),
      waiting(2, 'replace'),
    ];
    const decided = overlapping(fresh(3, 'replace'), open, AT);
    assert.equal(decided.run.waiting_for, 'overlap');
    assert.deepEqual(told(decided.changes), ['2: skipped overlap']);
  });
});

describe('the turn', () => {
  const TURN = { state: 'claimed', waiting_for: 'place', executor: null, executor_boot: null };

  it('is the oldest one’s that waits for it, in whatever order they are found', () => {
    const [two, three, four] = [2, 3, 4].map((n) => waiting(n, 'queue')) as [Run, Run, Run];
    for (const open of [[two, three, four], [four, two, three], [three, four, two]]) {
      assert.deepEqual(nextTurn(open, AT), [{ run: two, set: TURN }]);
    }
  });

  it('is nobody’s while another run is open, and while none waits for it', () => {
    for (const other of [running(1, 'queue'), waiting(1, 'queue', 'place'), waiting(1, 'queue', 'retry')]) {
      assert.deepEqual(nextTurn([other, waiting(2, 'queue')], AT), []);
    }
    assert.deepEqual([nextTurn([], AT), nextTurn([running(1, 'queue')], AT)], [[], []]);
  });

  it('comes to one that replaces within 10 s, whether the other has ended by then or not', () => {
    const old = running(1, 'replace', { is_last_attempt: true, reason: 'replaced' });
    const next = waiting(2, 'replace', 'overlap', { claimed_at: AT });
    const afterMs = (ms: number) => nextTurn([old, next], new Date(AT.getTime() + ms));
    assert.equal(REPLACED_WITHIN_MS, 10_000);
    assert.deepEqual(afterMs(REPLACED_WITHIN_MS - 1), []);
    const changes = afterMs(REPLACED_WITHIN_MS);
    assert.deepEqual(told(changes), ['1: cancelled replaced', '2: claimed place']);
    assert.deepEqual(changes[1], { run: next, set: TURN });
  });

  it('does not come to one that queues, however long it has waited', () => {
    const later = new Date(AT.getTime() + 24 * 3_600_000);
    assert.deepEqual(nextTurn([running(1, 'queue'), waiting(2, 'queue')], later), []);
  });
});
