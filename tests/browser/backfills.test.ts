/** A backfill from the page: the preview, the progress, and the way to cancel it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { InspectedCluster } from '../../harness/cluster/inspector.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { violations } from './axe.ts';

const mongo = await testMongo();

describe('backfills in the inspector', { skip: mongo.skip }, () => {
  let inspected: InspectedCluster;

  before(async () => {
    inspected = await InspectedCluster.start({ MONGO_URI: mongo.uri, MONGO_DATABASE: mongo.database() });
  });

  after(async () => {
    await inspected?.stop();
    await mongo.stop();
  });

  const create = (id: string, action: object) =>
    inspected.post('/schedules', {
      ...{ id, type: 'cron', definition: { cron_expression: '0 * * * *' }, paused: true, action },
    });

  it('are previewed, made, and followed to their end', async () => {
    await create('quick', { type: 'log' });
    const watched = await (await inspected.open('schedules/quick')).live();
    const { page } = watched;
    await page.getByRole('button', { name: 'Backfill …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('From').fill('2026-01-01T00:00:00Z');
    await dialog.getByLabel('To (excluded)').fill('2025-01-01T00:00:00Z');
    await dialog.getByText('from: 2026-01-01T00:00:00.000Z is not before to').waitFor();
    assert.ok(await dialog.getByRole('button', { name: 'Backfill' }).isDisabled());
    await dialog.getByLabel('To (excluded)').fill('2026-01-01T10:00:00Z');
    await dialog.getByText('10 occurrences, of which 0 already run.').waitFor();
    assert.deepEqual(await violations(watched), []);
    await dialog.getByLabel('Runs at a time').fill('5');
    await dialog.getByRole('button', { name: 'Backfill' }).click();
    const row = page.locator('.backfills li');
    await row.getByText('10 of 10 occurrences').waitFor();
    await row.getByText('completed').waitFor();
    assert.deepEqual(await violations(watched), []);
    // Chromium's own message about the 422 response.
    watched.complaints.splice(
      0,
      Infinity,
      ...watched.complaints.filter((text) => !/status of 422/.test(text)),
    );
    await watched.close();
  });

  it('are cancelled', async () => {
    await create('slow', { type: 'log', takes: '20s' });
    const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T10:00:00Z' };
    await inspected.post('/schedules/slow/backfills', range);
    const watched = await (await inspected.open('schedules/slow')).live();
    const row = watched.page.locator('.backfills li');
    await row.getByText('0 of 10 occurrences').waitFor();
    await row.getByRole('button', { name: 'Cancel' }).click();
    await row.getByText('cancelled').waitFor();
    assert.equal(await row.getByRole('button').count(), 0);
    await watched.close();
  });
});
