/** Change streams whose history or collection is gone. */
import assert from 'node:assert/strict';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import { failCommand } from '../mongoDatabase.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { create, eventually, Recorder } from '../support.ts';
import { listed } from '../../../src/domain/schedules/listing.ts';
import { CLAIMER, type MongoTest } from './support.ts';

export function mongoStreamCases(test: MongoTest): void {
  test(
    'what this version does not understand is told as such, wherever it comes in',
    async (store, database) => {
      const { name, raw } = database;
      const good = await create(store, 'good');
      const schedules = raw.db(name).collection<{ _id: string }>('schedules');
      const copy = await schedules.findOne({ _id: 'good' });
      const reason = /^definition.timezone is "Mars\/Olympus", which this version does not know$/;
      const odd = { ...copy, definition: { cron_expression: '0 9 * * *', timezone: 'Mars/Olympus' } };
      await schedules.insertOne({ ...odd, _id: 'odd' });
      const events = await store.events.open(null);
      assert.ok(events !== 'lost');

      const recorder = new Recorder();
      const { schedules: known, notUnderstood, feed } = await store.feed.snapshot(recorder);
      assert.deepEqual(known, [good]);
      assert.deepEqual(notUnderstood.map(({ id }) => id), ['odd']);
      assert.match(notUnderstood[0]?.not_understood ?? '', reason);
      assert.deepEqual(await store.schedules.get('odd'), notUnderstood[0]);
      const { items } = await store.schedules.list({ limit: 9, cursor: null }, 0);
      assert.deepEqual(items, [listed(good, 0), notUnderstood[0]]);
      assert.equal(await store.schedules.count({}), 2);
      assert.deepEqual(await store.schedules.replace('odd', everySpec('1s')), notUnderstood[0]);
      assert.deepEqual(await schedules.findOne({ _id: 'odd' }), { ...odd, _id: 'odd' }, 'it is as it was');

      await schedules.updateOne({ _id: 'good' }, { $set: { effective_from: 'soon' } });
      await recorder.until(({ changes }) => changes.some(({ kind }) => kind === 'not understood'));
      const step = await eventually(async () => {
        const next = await events.next();
        assert.ok(next !== 'lost');
        return next.event;
      });
      assert.deepEqual(step, {
        type: 'schedule',
        change: 'updated',
        id: 'good',
        schedule: { id: 'good', not_understood: 'effective_from is not a date' },
      });
      events.close();
      assert.deepEqual(await store.schedules.remove('odd'), notUnderstood[0]);
      assert.equal(await store.schedules.get('odd'), null);
      feed.close();
    },
  );

  test('a mirror is told when its collection goes, and starts over', async (store, { name, raw }) => {
    await create(store, 'job');
    const recorder = new Recorder();
    await store.feed.snapshot(recorder);
    await raw.db(name).dropCollection('schedules');
    await recorder.until(({ changes }) => changes.at(-1)?.kind === 'invalidated');
    const { schedules, feed } = await store.feed.snapshot(recorder);
    assert.deepEqual(schedules, []);
    feed.close();
  });

  test('a feed whose history is lost says that it can’t be resumed', async (store, { raw }) => {
    const recorder = new Recorder();
    const { feed } = await store.feed.snapshot(recorder);
    await recorder.until(({ progressMs }) => progressMs.length > 0);
    await failCommand(raw, { times: 2 }, {
      appName: CLAIMER,
      failCommands: ['getMore', 'aggregate'],
      errorCode: 286,
    });
    await recorder.until(({ failure }) => failure !== null);
    assert.equal(recorder.failure?.resumable, false);
    const again = new Recorder();
    await store.feed.resume(feed.token(), again);
    await again.until(({ failure }) => failure !== null);
    assert.equal(again.failure?.resumable, false);
  });

  test('events whose history is lost, or whose collections go, say so', async (store, { name, raw }) => {
    const first = await store.events.open(null);
    assert.ok(first !== 'lost');
    const failing = { appName: CLAIMER, errorCode: 286 };
    await failCommand(raw, { times: 1 }, { ...failing, failCommands: ['getMore'] });
    let step = await first.next();
    while (step !== 'lost') step = await first.next();
    await failCommand(raw, { times: 1 }, { ...failing, failCommands: ['aggregate'] });
    assert.equal(await store.events.open(first.start), 'lost');

    const second = await store.events.open(first.start);
    assert.ok(second !== 'lost');
    await raw.db(name).dropCollection('schedules');
    step = await second.next();
    while (step !== 'lost') step = await second.next();
    const third = await store.events.open(null);
    assert.ok(third !== 'lost', 'from now on it goes on');
    third.close();
  });

  test('events that can’t be read now are not lost', async (store, { raw }) => {
    const events = await store.events.open(null);
    assert.ok(events !== 'lost');
    const { off } = await failCommand(raw, 'alwaysOn', {
      appName: CLAIMER,
      failCommands: ['getMore', 'aggregate'],
      errorCode: 189,
    });
    const failure = async (): Promise<unknown> => {
      for (;;) if (await events.next() === 'lost') return 'lost';
    };
    await assert.rejects(failure(), StoreUnavailable);
    await assert.rejects(store.events.open(events.start), StoreUnavailable);
    await off();
    const again = await store.events.open(events.start);
    assert.ok(again !== 'lost');
    await create(store, 'job');
    for (;;) {
      const step = await again.next();
      assert.ok(step !== 'lost');
      if (step.event?.type === 'schedule') break;
    }
  });
}
