/** The life of a run on the page: its attempts, what it waits for, cancel and rerun, and the policies in the form. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { InspectedCluster, type WatchedPage } from '../../harness/cluster/inspector.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { violations } from './axe.ts';

const mongo = await testMongo();

describe('the life of a run on the page', { skip: mongo.skip }, () => {
  let inspected: InspectedCluster;
  let watched: WatchedPage;
  let page: Page;

  before(async () => {
    inspected = await InspectedCluster.start({ MONGO_URI: mongo.uri, MONGO_DATABASE: mongo.database() });
  });

  beforeEach(async () => {
    watched = await (await inspected.open('cluster')).live();
    page = watched.page;
  });

  after(async () => {
    await inspected?.stop();
    await mongo.stop();
  });

  const create = (id: string, more: object) =>
    inspected.post('/schedules', { id, type: 'cron', definition: { cron_expression: '0 0 1 1 *' }, ...more });
  const trigger = async (id: string): Promise<string> => {
    const response = await inspected.json<{ run_ids: string[] }>(`/schedules/${id}/trigger`, {
      method: 'POST',
      body: JSON.stringify({ overlap: true }),
    });
    return response.run_ids[0] ?? '';
  };
  const open = (id: string) => watched.goTo(`runs/${encodeURIComponent(id)}`);
  const badge = (text: string): Locator => page.locator('.heading .badge').getByText(text, { exact: true });
  const field = (name: string): Locator => page.getByLabel(name, { exact: true });

  it('shows each attempt with its error, and runs the run again', async () => {
    const retry = { max_attempts: 3, initial_backoff: '50ms', max_backoff: '50ms' };
    await create('failing', { action: { type: 'log', fails: 1 }, policy: { retry } });
    await open(await trigger('failing'));
    await badge('failed').waitFor();
    await page.locator('.facts').getByText('3 of 3').waitFor();
    const attempts = page.getByRole('region', { name: 'Ended attempts' }).locator('tbody tr');
    assert.equal(await attempts.count(), 3);
    assert.match(await attempts.first().textContent() ?? '', /^\s*3\s*failed.*The attempt failed/s);
    assert.deepEqual(await violations(watched), []);
    await page.getByRole('button', { name: 'Run again' }).click();
    await page.getByRole('link', { name: 'Open the run' }).click();
    await page.locator('.facts').getByText('manual').waitFor();
    await badge('failed').waitFor();
    await watched.close();
  });

  it('shows until when a run waits for its next attempt, and cancels it', async () => {
    const retry = { max_attempts: 3, initial_backoff: '600h', max_backoff: '600h' };
    await create('patient', { action: { type: 'log', fails: 1 }, policy: { retry } });
    await open(await trigger('patient'));
    await badge('retrying').waitFor();
    await page.locator('.facts').getByText(/^for its next attempt, in \d+/).waitFor();
    assert.deepEqual(await violations(watched), []);
    await page.getByRole('button', { name: 'Cancel …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('button', { name: 'Cancel …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
    await badge('cancelled').waitFor();
    await page.locator('.facts').getByText('requested').waitFor();
    await watched.close();
  });

  it('aborts the attempt of a run, and shows the next of a queue begin', async () => {
    await create('slow', {
      action: { type: 'log', takes: '1h' },
      policy: { overlap: 'queue', timeout: '1h' },
    });
    const first = await trigger('slow');
    await open(first);
    await badge('running').waitFor();
    const second = await trigger('slow');
    await watched.goTo('schedules/slow');
    await page.getByText('2 runs are open. One waits for an executor.').waitFor();
    const row = page.locator('.rows tbody tr').filter({ has: page.getByText('waiting', { exact: true }) });
    await row.getByText(/^waits for its turn: another run/).waitFor();
    await open(second);
    await badge('waiting').waitFor();
    await open(first);
    await page.getByRole('button', { name: 'Cancel …' }).click();
    await page.getByRole('dialog').getByText('Its attempt is aborted, and none follows.').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
    await badge('cancelled').waitFor();
    await open(second);
    await badge('running').waitFor();
    await watched.close();
  });

  it('creates a schedule with its policy, and shows it', async () => {
    await watched.goTo('new');
    await field('Id').fill('bounded');
    await field('When a run is still open').selectOption('replace');
    await field('Timeout of an attempt').fill('5s');
    await field('Attempts at most').fill('21');
    await page.getByText('21 is not a whole number from 1 to 20').waitFor();
    await field('Attempts at most').fill('4');
    await field('First back-off').fill('2s');
    await field('Jitter').fill('30s');
    await field('Runs at most').fill('100');
    await page.locator('.preview .occurrences li').first().waitFor();
    await page.getByRole('button', { name: 'Create schedule' }).click();
    await page.getByRole('heading', { name: 'bounded' }).waitFor();
    await page.getByText('4 attempts, back-off 2s × 2, at most 10m').waitFor();
    await page.getByText('up to 30s').waitFor();
    const { policy, jitter, max_runs } = await inspected.json<{
      policy: { overlap: string; timeout: string };
      jitter: string;
      max_runs: number;
    }>('/schedules/bounded');
    assert.deepEqual([policy.overlap, policy.timeout, jitter, max_runs], ['replace', '5s', '30s', 100]);
    // Chromium's own message about the refused preview.
    assert.match(watched.complaints.splice(0).join(), /^Failed to load resource: .* status of 422 \(.*\)$/);
    await watched.close();
  });

  it('pauses a schedule until a time', async () => {
    await create('resting', {});
    await watched.goTo('schedules/resting');
    await page.getByRole('button', { name: 'Pause …' }).click();
    await page.getByLabel('Resume at (optional)').fill('2099-01-01T00:00');
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await page.getByText(/^Paused. It resumes at/).waitFor();
    await watched.close();
  });
});
