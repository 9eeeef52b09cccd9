/** Schedules and runs in the page that this version does not understand, stored by a newer version or by hand. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Db, MongoClient } from 'mongodb';
import { InspectedCluster, type WatchedPage } from '../../harness/cluster/inspector.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { violations } from './axe.ts';
import { runDoc } from '../../harness/browser/records.ts';

const mongo = await testMongo();
const REASON = 'type is "webhook", which this version does not know';
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

/** Only an id, without the fields that this version needs. */
const insertOdd = (db: Db, id: string) =>
  db.collection('schedules').insertOne({ _id: id as never, type: 'webhook', url: 'https://example.test' });

describe('records that this version does not understand, in the inspector', { skip: mongo.skip }, () => {
  const database = mongo.database();
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  const db = client.db(database);
  let inspected: InspectedCluster;

  before(async () => {
    inspected = await InspectedCluster.start({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
    await inspected.post('/schedules', { id: 'steady', type: 'duration', definition: { interval: '1s' } });
    await insertOdd(db, 'odd');
    await db.collection('runs').insertMany([
      runDoc('odd', 'odd@before', Date.now() - 60_000, 'succeeded'),
      { ...runDoc('odd', 'odd@paused', Date.now() - 50_000, 'succeeded'), state: 'paused' },
    ]);
  });

  after(async () => {
    await inspected?.stop();
    await client.close();
    await mongo.stop();
  });

  const row = ({ page }: WatchedPage, id: string) =>
    page.locator('.schedules tbody tr', { has: page.getByRole('link', { name: id, exact: true }) });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`are shown with the reason, accessibly in ${colorScheme}`, async () => {
      const watched = await (await inspected.open('schedules', { colorScheme, reducedMotion: 'reduce' }))
        .live();
      await row(watched, 'odd').getByText(`by this version: ${REASON}`).waitFor();
      await row(watched, 'steady').getByText('every 1s').waitFor();
      const found = await violations(watched);
      await watched.goTo('schedules/odd');
      await watched.page.getByText(`This version does not understand the schedule: ${REASON}.`).waitFor();
      await watched.page.locator('.rows .badge.ok').waitFor();
      assert.deepEqual([...found, ...await violations(watched)], []);
      await watched.close();
    });
  }

  it('fits a phone', async () => {
    const watched = await (await inspected.open('schedules', PHONE)).live();
    for (const [path, complete] of [['schedules', '.reason'], ['schedules/odd', '.note']] as const) {
      await watched.goTo(path);
      await watched.page.locator(complete).waitFor();
      assert.equal(await watched.page.evaluate('document.documentElement.scrollWidth'), 360, path);
    }
    await watched.close();
  });

  it('can only be deleted', async () => {
    await insertOdd(db, 'doomed');
    const watched = await (await inspected.open('schedules/doomed')).live();
    const { page } = watched;
    const actions = page.locator('.heading .actions');
    await actions.getByRole('button', { name: 'Delete …' }).click();
    assert.equal(await actions.locator('a, button').count(), 1);
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Schedules' }).waitFor();
    assert.equal(await db.collection('schedules').countDocuments({ _id: 'doomed' as never }), 0);
    await watched.close();
  });

  it('have no form, which would change the schedule', async () => {
    const watched = await (await inspected.open('schedules/odd/edit')).live();
    await watched.page.getByText('It can’t be changed here.').waitFor();
    assert.equal(await watched.page.locator('form').count(), 0);
    await watched.close();
  });

  it('appear live: in the list, on the schedule’s page, and among the events', async () => {
    await inspected.post('/schedules', {
      id: 'turns',
      name: 'Turns',
      type: 'duration',
      definition: { interval: '1h' },
    });
    const list = await (await inspected.open('schedules')).live();
    const one = await (await inspected.open('schedules/turns')).live();
    const events = await (await inspected.open('events')).live();
    await list.page.getByRole('link', { name: 'Turns', exact: true }).waitFor();
    await one.page.getByRole('heading', { name: 'Turns' }).waitFor();
    const stored = await db.collection('schedules').findOne({ _id: 'turns' as never });
    const update = (change: object) =>
      db.collection('schedules').updateOne({ _id: 'turns' as never }, change);

    await update({ $set: { type: 'webhook' }, $inc: { revision: 1 } });
    await row(list, 'turns').getByText(REASON).waitFor();
    await one.page.getByText(`does not understand the schedule: ${REASON}.`).waitFor();
    await events.page.getByText(`schedule turns was updated; this version does not understand it: ${REASON}`)
      .waitFor();

    await update({ $set: { type: stored?.type }, $inc: { revision: 1 } });
    await row(list, 'Turns').getByText('every 1h').waitFor();
    await one.page.getByRole('button', { name: 'Run now' }).waitFor();
    for (const watched of [list, one, events]) await watched.close();
  });

  it('include runs, with the reason why they are not shown', async () => {
    const watched = await (await inspected.open('runs/odd@paused')).live();
    await watched.page.getByRole('alert').getByText(/not understood by this version: state is "paused"/)
      .waitFor();
    assert.equal(await watched.page.getByText('Runs are deleted when').count(), 0);
    watched.complaints.splice(
      0,
      Infinity,
      ...watched.complaints.filter((text) => !/status of 503/.test(text)),
    );
    await watched.close();
  });

  it('are skipped in lists of runs', async () => {
    const watched = await inspected.open('nowhere');
    const odd = { id: 'steady@odd', not_understood: 'state is "paused", which this version does not know' };
    await watched.page.route(/\/(runs|schedules)\?/, async (route) => {
      const response = await route.fetch();
      const list: { recent_runs?: unknown[] }[] = await response.json();
      const json = route.request().url().includes('/runs?')
        ? [odd, ...list]
        : list.map((each) => each.recent_runs ? { ...each, recent_runs: [odd, ...each.recent_runs] } : each);
      await route.fulfill({ response, json });
    });
    await watched.live();
    for (const path of ['schedules/steady', 'runs', 'lateness', 'cluster']) {
      await watched.goTo(path);
      await watched.page.locator('.rows .badge.ok, .tiles').first().waitFor();
      if (path.includes('runs')) await watched.page.locator('.rows').getByText('state is "paused"').waitFor();
    }
    await watched.goTo('schedules');
    await row(watched, 'steady').locator('.strip-mark[aria-label="not understood"]').waitFor();
    await watched.close();
  });
});
