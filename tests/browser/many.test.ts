/** The page over a hundred thousand schedules, a hundred thousand runs, and a thousand terms. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { InspectedCluster, type WatchedPage } from '../../harness/cluster/inspector.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { insertRuns, insertSchedules, insertTerms } from '../../harness/browser/records.ts';

const mongo = await testMongo();
const MANY = 100_000;
const TERMS = 1000;

describe('the inspector with large amounts of data', { skip: mongo.skip }, () => {
  const database = mongo.database();
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  let inspected: InspectedCluster;

  before(async () => {
    const db = client.db(database);
    // First, since it makes the indexes, which takes long once there are many records.
    await insertTerms(mongo.uri, db, TERMS);
    await insertSchedules(db, MANY);
    await insertRuns(db, MANY);
    inspected = await InspectedCluster.start({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
  });

  after(async () => {
    await inspected?.stop();
    await client.close();
    await mongo.stop();
  });

  /** Resolves when the view is complete. Prints the time without a limit, since machines differ. */
  async function timed(watched: WatchedPage, path: string, complete: string): Promise<void> {
    const startedMs = performance.now();
    await watched.goTo(path);
    await watched.page.locator(complete).first().waitFor();
    const nodes = await watched.page.evaluate('document.querySelectorAll("*").length');
    console.log(`${path}: ${Math.round(performance.now() - startedMs)} ms, ${nodes} elements`);
    assert.ok(Number(nodes) < 4000, `${path} has ${nodes} elements`);
  }

  it('shows a page of schedules at a time, and lets the server search', async () => {
    const watched = await (await inspected.open('cluster')).live();
    const { page } = watched;
    await timed(watched, 'schedules', '.schedules tbody tr');
    await page.getByText('100,000 schedules', { exact: true }).waitFor();
    assert.equal(await page.locator('.schedules tbody tr').count(), 50);
    await page.getByRole('link', { name: 'Next 50' }).click();
    await page.getByText('schedule-000050').waitFor();
    await page.goBack();
    await page.getByText('schedule-000000').waitFor();
    await page.getByPlaceholder('Search by id or name').fill('report 4242');
    await page.getByText('11 schedules match', { exact: true }).waitFor();
    await page.locator('.schedules').getByText('report 4242', { exact: true }).waitFor();
    await timed(watched, 'schedules?paused=true', '.schedules .badge.warn');
    await page.getByText('10,000 schedules match', { exact: true }).waitFor();
    await watched.close();
  });

  it('shows a page of runs at a time, and filters them', async () => {
    const watched = await (await inspected.open('cluster')).live();
    await timed(watched, 'runs', '.rows .badge.ok');
    await timed(watched, 'runs?state=failed', '.rows .badge.bad');
    assert.equal(await watched.page.locator('.rows tbody tr').count(), 50);
    await watched.close();
  });

  it('draws a thousand terms as no more bars than can be distinguished', async () => {
    const watched = await (await inspected.open('cluster')).live();
    const { page } = watched;
    await timed(watched, `timeline?span=${90 * 86_400_000}`, '.bar.many');
    await watched.until(`/of 1,00\\d/.test(document.querySelector('.pager')?.textContent)`);
    assert.ok(await page.locator('.bar').count() < 200);
    await page.getByRole('group', { name: /^Timeline/ }).focus();
    await page.keyboard.press('+');
    await page.keyboard.press('ArrowLeft');
    await timed(watched, 'timeline?term=500', '[aria-label="Term 500"]');
    await page.locator('.bar[data-term="500"]').waitFor();
    await watched.close();
  });

  it('computes lateness from the newest of the runs', async () => {
    const watched = await (await inspected.open('cluster')).live();
    await timed(watched, 'lateness?minutes=60', '.figures');
    await watched.page.getByText(/^The newest 10,0\d\d runs, since/).waitFor();
    await watched.close();
  });
});
