/** Backfills beside many runs, and documents of other versions. */
import assert from 'node:assert/strict';
import { isUnderstood } from '../../../src/domain/schedules/schedule.ts';
import { backfillOf } from '../../../src/domain/runs/backfill.ts';
import { OPEN_STATES } from '../../../src/domain/runs/run.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { at, create } from '../support.ts';
import type { MongoTest } from './support.ts';

const REQUEST = { max_concurrent: 9, overlap: 'allow', again: false, dry_run: false } as const;

export function mongoBackfillCases(test: MongoTest): void {
  test("finds a backfill's open runs by an index of their own", async (_store, { raw, name }) => {
    const runs = raw.db(name).collection('runs');
    await runs.insertMany(
      Array.from({ length: 500 }, (_, i) => ({ state: 'claimed', scheduled_for: at(i), schedule_id: 's' })),
    );
    await runs.insertMany([1, 2].map(() => ({ state: 'claimed', scheduled_for: at(0), backfill_id: 'b' })));
    for (const backfill_id of ['b', { $in: ['b', 'c'] }]) {
      const { executionStats: { totalKeysExamined, totalDocsExamined } } = await runs
        .find({ backfill_id, state: { $in: [...OPEN_STATES] } }).explain('executionStats');
      assert.ok(totalKeysExamined <= 4 && totalDocsExamined === 2, `${totalKeysExamined} keys`);
    }
  });

  test('leaves a backfill alone that it does not understand', async (store, { raw, name }) => {
    const schedule = await create(store, 'job', everySpec('1s'));
    const range = { from: new Date(schedule.created_at.getTime() - 3000), to: schedule.created_at };
    await store.backfills.create(backfillOf(schedule, { ...REQUEST, ...range }, 'b', 0));
    const stored = raw.db(name).collection<{ _id: string }>('backfills');
    for (
      const [change, reason] of [
        [{ overlap: 'sideways' }, /overlap is "sideways", which this version does not know/],
        [{ overlap: 'allow', 'rule.type': 'lunar' }, /in its rule, type is "lunar"/],
        [{ 'rule.type': 'duration', work: null }, /work is not an object/],
      ] as const
    ) {
      await stored.updateOne({ _id: 'b' }, { $set: change });
      const found = await store.backfills.get('b');
      assert.ok(found !== null && !isUnderstood(found));
      assert.match(found.not_understood, reason);
      assert.equal(await store.backfills.advance('b'), false);
      assert.deepEqual(await store.backfills.cancel('b'), found);
      assert.deepEqual(await store.backfills.running({ limit: 9 }), []);
    }
    assert.deepEqual((await store.runs.list({ limit: 9, cursor: null })).items, []);
  });
}
