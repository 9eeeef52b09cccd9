import assert from 'node:assert/strict';
import type { FeedObserver } from '../../../src/actors/schedules/scheduleFeed.ts';
import type { Store } from '../../../src/actors/store.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { another, create, Recorder, replace, SPEC, type Test } from '../support.ts';

export function feedCases(test: Test): void {
  test('has moments as numbers in its snapshot, beside the other schedules', async (store) => {
    const times = [new Date(5), new Date(7)];
    await create(store, 'a', { ...SPEC, type: 'at_times', definition: { times } });
    for (let i = 0; i < 12; i++) {
      await create(store, `b${i}`, { ...SPEC, type: 'at_times', definition: { times } });
      await create(store, `c${i}`);
    }
    await replace(store, 'a', everySpec('1s'));
    const { schedules, feed } = await store.feed.snapshot(new Recorder());
    feed.close();
    const kinds = schedules.map((schedule) =>
      schedule.type === 'at_times' ? schedule.definition.times : schedule.type
    );
    assert.equal(schedules.length, 25);
    assert.deepEqual(
      kinds.filter((kind) => kind instanceof Float64Array),
      Array(12).fill(Float64Array.of(5, 7)),
    );
    const [old] = schedules.find(({ id }) => id === 'a')?.superseded ?? [];
    assert.ok(old?.type === 'at_times' && old.definition.times instanceof Float64Array);
  });

  test('tells all changes after the snapshot, in their order', async (store, connect) => {
    await create(store, 'old');
    const recorder = new Recorder();
    const { schedules, feed } = await connect().feed.snapshot(recorder);
    assert.deepEqual(schedules, [await store.schedules.get('old')]);
    const created = await create(store, 'new');
    const replaced = await replace(store, 'old', everySpec('1s'));
    await store.schedules.remove('new');
    await recorder.until(({ changes }) => changes.at(-1)?.kind === 'delete');
    // What the snapshot holds may be told again, and what is gone by now need not be told before its
    // deletion.
    const story = recorder.story().filter((line) => !['upsert old 1', 'upsert new 1'].includes(line));
    assert.deepEqual(story, ['upsert old 2', 'delete new']);
    const told = recorder.changes.flatMap((change) => change.kind === 'upsert' ? [change.schedule] : []);
    assert.deepEqual(told.findLast(({ id }) => id === 'old'), replaced);
    for (const schedule of told.filter(({ id }) => id === 'new')) assert.deepEqual(schedule, created);
    feed.close();
  });

  test('tells nothing before the snapshot is there', async (store, connect) => {
    const reader = connect();
    await create(store, 'job-0');
    let there = false;
    let told = 0;
    let firstTold = () => {};
    const first = new Promise<void>((resolve) => firstTold = resolve);
    const tell = () => {
      assert.ok(there, 'told before the snapshot');
      if (++told === 10) firstTold();
    };
    const observer: FeedObserver = {
      change: tell,
      progress: () => {},
      failed: (error) => assert.fail(error),
    };
    const writes = writeMany(store, 30);
    const { feed } = await reader.feed.snapshot(observer);
    there = true;
    await writes;
    // However many of those the snapshot holds already, these come after it.
    for (let change = 0; change < 10; change++) await replace(store, 'job-0', another());
    await first;
    feed.close();
  });

  test('has no gap between the snapshot and the stream', async (store, connect) => {
    for (let round = 0; round < 5; round++) {
      const recorder = new Recorder();
      const writes = writeMany(store, 20, `round-${round}`);
      const { schedules, feed } = await connect().feed.snapshot(recorder);
      const last = await writes;
      const mirror = new Set(schedules.map(({ id }) => id));
      await recorder.until(({ changes }) =>
        mirror.has(last) || changes.some((c) => c.kind === 'upsert' && c.schedule.id === last)
      );
      for (const change of recorder.changes) if (change.kind === 'upsert') mirror.add(change.schedule.id);
      for (let i = 0; i < 20; i++) {
        assert.ok(mirror.has(`round-${round}-${i}`), `round-${round}-${i} is in the mirror`);
      }
      feed.close();
    }
  });

  test('goes on after a token, with what was missed', async (store, connect) => {
    const reader = connect();
    const before = new Recorder();
    const { feed } = await reader.feed.snapshot(before);
    await create(store, 'seen');
    await before.until(({ changes, progressMs }) => changes.length === 1 && progressMs.length > 0);
    // The token moves on with the progress that follows the change.
    const told = before.progressMs.length;
    await before.until(({ progressMs }) => progressMs.length > told);
    const token = feed.token();
    feed.close();
    await replace(store, 'seen', another());
    await create(store, 'missed');
    const after = new Recorder();
    const resumed = await reader.feed.resume(token, after);
    await create(store, 'later');
    await after.until(({ changes }) => changes.length === 3);
    assert.deepEqual(after.story(), ['upsert seen 2', 'upsert missed 1', 'upsert later 1']);
    assert.deepEqual(before.story(), ['upsert seen 1'], 'a closed feed tells nothing');
    resumed.close();
  });

  test('tells how far it has come, also when nothing changes', async (store, connect) => {
    const recorder = new Recorder();
    const { feed } = await connect().feed.snapshot(recorder);
    const created = await create(store, 'job');
    // Something else has to go on in the store, as it does wherever a replica lives.
    let over = false;
    const living = (async () => {
      for (let i = 0; !over; i++) {
        await store.presence.announce({
          id: 'a',
          boot: 'a',
          role: 'leader',
          address: '',
          version: '',
          started_at: new Date(i),
          transitions: [],
          transition_count: 0,
          lease_timing: null,
          places: null,
          warnings: [],
        });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const passed = () => (recorder.progressMs.at(-1) ?? 0) > created.effective_from.getTime();
    await recorder.until(passed);
    over = true;
    await living;
    assert.deepEqual(recorder.story(), ['upsert job 1']);
    const { serverNowMs } = await store.lease.read();
    for (const throughMs of recorder.progressMs) assert.ok(throughMs < serverNowMs);
    assert.deepEqual(recorder.progressMs, recorder.progressMs.toSorted((a, b) => a - b));
    feed.close();
  });

  test('progress is never ahead of a change', async (store, connect) => {
    let throughMs = 0;
    let told = 0;
    let done = () => {};
    const all = new Promise<void>((resolve) => done = resolve);
    const { feed } = await connect().feed.snapshot({
      change: (change) => {
        if (change.kind !== 'upsert') return;
        assert.ok(change.schedule.effective_from.getTime() > throughMs);
        if (++told === 50) done();
      },
      progress: (ms) => throughMs = ms,
      failed: (error) => assert.fail(error),
    });
    await Promise.all([writeMany(store, 50), all]);
    feed.close();
  });
}

/** Creates schedules one after the other; the id of the last one. */
async function writeMany(store: Store, count: number, prefix = 'many'): Promise<string> {
  for (let i = 0; i < count; i++) await create(store, `${prefix}-${i}`);
  return `${prefix}-${count - 1}`;
}
