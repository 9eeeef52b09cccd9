import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adopted, adoptedBy, adoptionOf } from '../../../src/domain/runs/adoption.ts';
import { isHeld, manualRun, OPEN_STATES, type Run } from '../../../src/domain/runs/run.ts';
import type { Schedule } from '../../../src/domain/schedules/schedule.ts';
import { claimed } from '../../support/runs.ts';
import { every } from '../../support/schedules.ts';

const T = Date.UTC(2030, 0, 1);
const HOUR_MS = 3_600_000;
const RUN = claimed('s', T, { attempt: 3, started_at: new Date(T + 5) });
const RETRIED = every(100, T - 1000);
const ABANDONED: Schedule = {
  ...RETRIED,
  policy: { ...RETRIED.policy, on_executor_loss: 'abandon' },
  history: { success: '1h', failure: '2h' },
};
const BY = { replica: 'r2', boot: 'b2', term: 9 };
const NOW_MS = T + 8000;

describe('an orphan', () => {
  it("becomes the adopter's next attempt", () => {
    const adoption = adoptionOf(RUN, RETRIED, false, NOW_MS);
    assert.deepEqual(adoption, { how: 'retry', run: RUN, at: new Date(NOW_MS) });
    assert.deepEqual({ ...RUN, ...adopted(adoption!, BY) }, {
      ...RUN,
      attempt: 4,
      executor: 'r2',
      executor_boot: 'b2',
      term: 9,
      claimed_at: new Date(NOW_MS),
      started_at: null,
    });
  });

  it('ends as abandoned when its policy says so, and is kept as a failure is', () => {
    const adoption = adoptionOf(RUN, ABANDONED, false, NOW_MS);
    assert.deepEqual({ ...RUN, ...adopted(adoption!, BY) }, {
      ...RUN,
      state: 'abandoned',
      reason: 'executor_lost',
      finished_at: new Date(NOW_MS),
      expire_at: new Date(NOW_MS + 2 * HOUR_MS),
    });
  });

  it('ends as abandoned when its schedule is gone, or another one has its id', () => {
    const again = { ...RETRIED, created_at: new Date(T + 1) };
    for (
      const adoption of [adoptionOf(RUN, undefined, true, NOW_MS), adoptionOf(RUN, again, false, NOW_MS)]
    ) {
      const { state, reason, expire_at } = adopted(adoption!, BY);
      assert.deepEqual([state, reason, expire_at], [
        'abandoned',
        'schedule_gone',
        new Date(NOW_MS + 168 * HOUR_MS),
      ]);
    }
    assert.equal(adoptionOf(RUN, { ...RETRIED, created_at: RUN.claimed_at }, false, NOW_MS)?.how, 'retry');
  });

  it('is left alone while only our mirror does not have its schedule', () => {
    assert.equal(adoptionOf(RUN, undefined, false, NOW_MS), null);
  });

  it('is retried under a policy of before there was a choice', () => {
    const { on_executor_loss: _, ...policy } = RETRIED.policy;
    assert.equal(adoptionOf(RUN, { ...RETRIED, policy } as Schedule, false, NOW_MS)?.how, 'retry');
  });
});

describe('a run that was requested', () => {
  const requested = manualRun(RETRIED, T, 'one');

  it("becomes the adopter's first attempt, whatever its policy for lost executors", () => {
    for (const schedule of [RETRIED, ABANDONED]) {
      const adoption = adoptionOf(requested, schedule, false, NOW_MS);
      assert.deepEqual({ ...requested, ...adopted(adoption!, BY) }, {
        ...requested,
        attempt: 1,
        executor: 'r2',
        executor_boot: 'b2',
        term: 9,
        claimed_at: new Date(NOW_MS),
      });
    }
  });

  it('is an orphan like any other once an attempt has started', () => {
    const adoption = adoptionOf(requested, ABANDONED, false, NOW_MS);
    const begun = { ...requested, ...adopted(adoption!, { ...BY, boot: 'b1' }) };
    assert.deepEqual(adoptionOf(begun, ABANDONED, false, NOW_MS)?.how, 'abandon');
    assert.deepEqual(adopted(adoptionOf(begun, RETRIED, false, NOW_MS)!, BY).attempt, 2);
  });

  it('ends as abandoned when its schedule is gone, or another one has its id', () => {
    const again = { ...RETRIED, created_at: new Date(T + 1) };
    for (const [schedule, isGone] of [[undefined, true], [again, false]] as const) {
      const adoption = adoptionOf(requested, schedule, isGone, NOW_MS);
      assert.deepEqual(adoption?.how === 'abandon' && adoption.reason, 'schedule_gone');
    }
    assert.equal(adoptionOf(requested, undefined, false, NOW_MS), null, 'the mirror may learn of it yet');
  });

  it('is not held before it is adopted', () => {
    assert.equal(isHeld(requested, { attempt: 0, executor_boot: null }), true, 'as it was found');
    const begun = { ...requested, ...adopted(adoptionOf(requested, RETRIED, false, NOW_MS)!, BY) };
    assert.equal(isHeld(begun, requested), false, 'so that a second adoption finds nothing');
    assert.equal(isHeld(begun, { attempt: 1, executor_boot: 'b2' }), true);
  });
});

describe('what has come of adoptions', () => {
  const retry = adoptionOf(RUN, RETRIED, false, NOW_MS)!;
  const abandon = adoptionOf(RUN, ABANDONED, false, NOW_MS)!;
  const after = (adoption: typeof retry, by = BY): Run => ({ ...RUN, ...adopted(adoption, by) });
  const NONE = { runs: [], abandoned: [] };

  it('is told by what is stored, and not by what was to be done', () => {
    const mine = after(retry);
    assert.deepEqual(adoptedBy([retry], BY, () => mine), { runs: [mine], abandoned: [] });
    assert.deepEqual(adoptedBy([abandon], BY, () => after(abandon)), { runs: [], abandoned: [RUN.id] });
    const others: (Run | undefined)[] = [
      undefined,
      RUN,
      { ...RUN, state: 'succeeded', finished_at: new Date(NOW_MS) },
      after(retry, { ...BY, boot: 'b3' }),
      // By the next leader, which has decided the same a moment later.
      after(adoptionOf(RUN, ABANDONED, false, NOW_MS + 1)!),
      { ...after(abandon), reason: 'schedule_gone' },
    ];
    for (const stored of others) {
      assert.deepEqual([adoptedBy([retry], BY, () => stored), adoptedBy([abandon], BY, () => stored)], [
        NONE,
        NONE,
      ]);
    }
  });
});

describe('a run', () => {
  it('is held by one boot, under one attempt, while it is open', () => {
    for (const state of OPEN_STATES) assert.equal(isHeld({ ...RUN, state }, RUN), true);
    const others: (Run | null | undefined)[] = [
      { ...RUN, attempt: 4 },
      { ...RUN, executor_boot: 'b2' },
      { ...RUN, state: 'succeeded' },
      { ...RUN, state: 'abandoned' },
      null,
      undefined,
    ];
    for (const stored of others) assert.equal(isHeld(stored, RUN), false);
  });
});
