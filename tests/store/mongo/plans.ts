/**
 * The searches among open runs, which replicas make all the time, read what they answer with, and little else,
 * however many runs are stored: as the server's profiler tells of the very commands.
 */
import assert from 'node:assert/strict';
import type { Document } from 'mongodb';
import { claim, create, lead, occurrence, withPolicy } from '../support.ts';
import { at, UNOWNED } from '../support.ts';
import type { MongoTest } from './support.ts';

/** Stored runs that have ended, those that wait, and the others that are open. */
const ENDED = 3000;
const WAITING = 600;
const OWNED = 40;

export function mongoPlanCases(test: MongoTest): void {
  test('the searches among open runs read nothing of those that have ended', async (store, { raw, name }) => {
    const db = raw.db(name);
    const runs = db.collection<Document & { _id: string }>('runs');
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job', withPolicy({ overlap: 'queue' }));
    const seeds = [
      occurrence(schedule, 1, grant),
      occurrence(schedule, 2, grant, { overlap: null }),
      occurrence(schedule, 3, grant, { waiting_for: 'place', overlap: null, ...UNOWNED }),
    ];
    await claim(store, grant, schedule, ...seeds);
    const [overlapping, owned, waiting] = await Promise.all(
      seeds.map(async ({ id }) => (await runs.findOne({ _id: id }))!),
    );
    const many = (of: Document, count: number, what: string, more: (k: number) => Document = () => ({})) =>
      Array.from({ length: count }, (_, k) => ({ ...of, _id: `${what}-${k}`, ...more(k) }));
    const ended = { state: 'succeeded', expire_at: at(86_400) };
    await runs.insertMany([
      ...many(
        owned!,
        ENDED,
        'ended',
        (k) => ({ ...ended, scheduled_for: at(k), schedule_id: `job-${k % 9}` }),
      ),
      ...many(overlapping!, ENDED, 'ended-overlap', (k) => ({ ...ended, scheduled_for: at(k) })),
      ...many(
        waiting!,
        WAITING,
        'slow',
        (k) => ({ schedule_id: 'slow', waiting_schedule: 'slow', available_at: at(k) }),
      ),
      ...many(waiting!, 5, 'quick', (k) => (
        { schedule_id: `quick-${k}`, waiting_schedule: `quick-${k}`, available_at: at(5000 + k) }
      )),
      ...many(owned!, OWNED, 'owned', (k) => ({ scheduled_for: at(k), executor_boot: `boot-${k % 2}` })),
      ...many(owned!, 2, 'aborting', () => ({ is_last_attempt: true, reason: 'requested' })),
      ...many(overlapping!, 3, 'turn', () => (
        { waiting_for: 'overlap', state: 'claimed', attempt: 0, executor: '', executor_boot: '' }
      )),
    ]);

    /** What the server did for the commands on runs. */
    async function profiled(search: () => Promise<unknown>) {
      const profile = db.collection('system.profile');
      const [last] = await profile.find().sort({ $natural: -1 }).limit(1).toArray();
      await db.command({ profile: 2 });
      await search();
      await db.command({ profile: 0 });
      const since = await profile.find({
        ns: `${name}.runs`,
        op: { $in: ['query', 'command'] },
        ...(last && { ts: { $gt: last.ts } }),
      }).toArray();
      return since.map(({ planSummary, docsExamined, keysExamined }) => (
        { plan: `${planSummary}`, docs: Number(docsExamined), keys: Number(keysExamined) }
      ));
    }
    const indexed = (plan: string) => plan.split(', ').every((part) => !/COLLSCAN/.test(part));

    const page = await profiled(() => store.runs.available({ availableAt: at(9999), limit: 10 }));
    assert.equal(page.length, 3, 'the oldest, the next, and the heads');
    const heads = page.filter(({ plan }) => plan.startsWith('DISTINCT_SCAN'));
    assert.equal(heads.length, 1, JSON.stringify(page));
    assert.ok(heads[0]!.docs <= 7 && heads[0]!.keys <= 14, `one of each schedule: ${JSON.stringify(heads)}`);
    for (const { plan, docs } of page.filter((each) => !heads.includes(each))) {
      assert.match(plan, /^IXSCAN \{ available_at: 1, _id: 1 \}$/);
      assert.ok(docs <= 10, `${docs} documents for 10`);
    }

    const toCancel = await profiled(() => store.runs.toCancel('boot-a'));
    assert.deepEqual(toCancel.map(({ plan }) => plan), [
      'IXSCAN { executor_boot: 1, scheduled_for: 1, _id: 1 }',
    ]);
    assert.ok(toCancel[0]!.docs <= 4, `only those of the boot: ${JSON.stringify(toCancel)}`);

    await store.runs.orphans({ exceptBoot: 'boot-a', deadAfterMs: 5000, limit: 500 });
    const orphans = await profiled(() =>
      store.runs.orphans({ exceptBoot: 'boot-a', deadAfterMs: 5000, limit: 500 })
    );
    assert.equal(orphans.length, 1, 'the search itself');
    assert.ok(indexed(orphans[0]!.plan), orphans[0]!.plan);
    assert.ok(orphans[0]!.docs <= OWNED + 10, `only those with another executor: ${JSON.stringify(orphans)}`);

    const turns = await profiled(() => store.runs.passTurns());
    assert.ok(turns.length >= 2);
    for (const { plan, docs } of turns) {
      assert.match(plan, /^(IXSCAN|DISTINCT_SCAN) \{ schedule_id: 1 \}$/);
      assert.ok(docs <= 10, `only open ones: ${JSON.stringify(turns)}`);
    }

    const due = occurrence(schedule, 9000, grant);
    const claiming = await profiled(() => claim(store, grant, schedule, due));
    assert.deepEqual(claiming.map(({ plan }) => plan), ['IXSCAN { schedule_id: 1 }']);
    assert.ok(claiming[0]!.docs <= 10, `only open ones: ${JSON.stringify(claiming)}`);
  });
}
