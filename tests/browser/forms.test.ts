/** Creating, changing and deleting schedules with the page's forms, and their messages for invalid input. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { InspectedCluster, type WatchedPage } from '../../harness/cluster/inspector.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { violations } from './axe.ts';

const mongo = await testMongo();
/** Chromium's own message about each 4xx response. */
const REFUSED = /status of (404|409|412|422)/;

describe('the forms of the inspector', { skip: mongo.skip }, () => {
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

  async function close(): Promise<void> {
    watched.complaints.splice(0, Infinity, ...watched.complaints.filter((text) => !REFUSED.test(text)));
    await watched.close();
  }

  const field = (name: string): Locator => page.getByLabel(name, { exact: true });
  /** The problems of a field, in its accessible description. */
  const wrong = (name: string): Locator =>
    page.locator('.field', { has: field(name) }).locator('.field-problem');
  const schedule = (id: string) =>
    inspected.json<{ name?: string; paused: boolean; definition: object }>(`/schedules/${id}`);
  const create = (id: string, more: object = {}) =>
    inspected.post('/schedules', { id, type: 'cron', definition: { cron_expression: '0 0 1 1 *' }, ...more });

  it('shows the next fires and the problems at their fields while typing, and creates', async () => {
    await watched.goTo('new');
    await field('Name').fill('nightly report');
    await field('Id').fill('nightly');
    await field('Cron expression').fill('30 25 * * *');
    await wrong('Cron expression').getByText('field 2 (hours): 25 is outside 0–23').waitFor();
    assert.equal(await field('Cron expression').getAttribute('aria-invalid'), 'true');
    await page.getByText('One field needs a correction first').waitFor();
    await field('Cron expression').fill('30 2 * * *');
    await page.locator('.preview .occurrences').getByText('02:30:00').first().waitFor();
    assert.equal(await wrong('Cron expression').count(), 0);
    assert.deepEqual(await field('Time zone').locator('option').allTextContents(), ['UTC', 'Etc/UTC']);
    await field('Tags').fill('team: billing\\nowner = ops'.replace('\\n', '\n'));
    await page.getByRole('button', { name: 'Create schedule' }).click();
    await page.getByRole('heading', { name: 'nightly report' }).waitFor();
    const { definition, tags } = await inspected.json<{ definition: object; tags: object }>(
      '/schedules/nightly',
    );
    assert.deepEqual(definition, { cron_expression: '30 2 * * *', timezone: 'UTC' });
    assert.deepEqual(tags, { team: 'billing', owner: 'ops' });
    await close();
  });

  it('keeps the input when the server refuses it, and focuses the field', async () => {
    await create('taken');
    await watched.goTo('new');
    await field('Id').fill('taken');
    await page.getByRole('button', { name: 'Create schedule' }).click();
    await page.getByRole('alert').getByText('a schedule "taken" exists already').waitFor();
    await page.getByText('At times', { exact: true }).click();
    await field('Times').fill('2031-01-01T00:00:00Z\ntomorrow');
    await wrong('Times').getByText('times[1]').waitFor();
    await page.getByRole('button', { name: 'Create schedule' }).click();
    await watched.until(`document.activeElement.id === 'field-definition-times'`);
    assert.equal(await field('Id').inputValue(), 'taken');
    await close();
  });

  it('changes a schedule, and does not overwrite a concurrent change', async () => {
    await create('shared', { name: 'before', description: 'kept as it is' });
    await watched.goTo('schedules/shared/edit');
    await field('Name').fill('mine');
    await page.getByText('Interval', { exact: true }).click();
    await field('Interval').fill('90s');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    const saved = await inspected.json<Record<string, unknown>>('/schedules/shared');
    assert.deepEqual(saved.definition, { interval: '90s' });
    assert.equal(saved.description, 'kept as it is');

    await watched.goTo('schedules/shared/edit');
    await field('Name').fill('mine again');
    const theirs = { type: 'duration', definition: { interval: '5s' }, name: 'theirs' };
    await inspected.json('/schedules/shared', { method: 'PUT', body: JSON.stringify(theirs) });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('Another client has changed this schedule').waitFor();
    assert.equal((await schedule('shared')).name, 'theirs');
    await close();
  });

  it('accepts JSON as well, for properties without a field', async () => {
    await watched.goTo('new');
    await page.getByRole('button', { name: 'JSON' }).click();
    const json = field('Schedule, as JSON');
    await json.fill('{"type": "duration"');
    await page.getByText(/^Not JSON/).waitFor();
    await json.fill('{"id": "raw", "type": "duration", "definition": {"interval": "1h"}, "colour": "red"}');
    await page.getByText('colour: is not known').first().waitFor();
    await json.fill('{"id": "raw", "type": "duration", "definition": {"interval": "1h"}}');
    await page.locator('.preview .occurrences li').first().waitFor();
    await page.getByRole('button', { name: 'Create schedule' }).click();
    await page.getByRole('heading', { name: 'raw' }).waitFor();
    await close();
  });

  it('creates a schedule with an http action, and shows its values again for a change', async () => {
    const values: [name: string, value: string][] = [
      ['URL', 'https://jobs.example/reports?run={{run.id}}'],
      ['Headers', 'Authorization: Bearer {{secret.TOKEN}}\nX-Key: a=b'],
      ['Body', '{\n  "user": [\n    "{{run.attempt}}"\n  ]\n}'],
      ['Success', '2xx, 404'],
      ['Signing secrets', 'NEW, OLD'],
    ];
    await watched.goTo('new');
    await field('Id').fill('hooked');
    await field('Share of attempts that fail').fill('0.5');
    await page.getByText('HTTP', { exact: true }).click();
    await wrong('URL').getByText('is missing').waitFor();
    await field('Method').selectOption('PUT');
    for (const [name, value] of values) await field(name).fill(value);
    await page.getByText('CloudEvents').click();
    await page.getByText('Log', { exact: true }).click();
    assert.equal(await field('Share of attempts that fail').inputValue(), '0.5');
    await page.getByText('HTTP', { exact: true }).click();

    await field('Body').fill('{"user": ["{{run.nothing}}"]}');
    await field('Headers').fill('Host: elsewhere');
    await wrong('Body').getByText('{{run.nothing}}').waitFor();
    await wrong('Headers').getByText('follows from the URL').waitFor();
    await page.getByRole('button', { name: 'Create schedule' }).click();
    await watched.until(`document.activeElement.id === 'field-action-headers'`);
    assert.deepEqual(await violations(watched), []);
    for (const [name, value] of values) await field(name).fill(value);
    await page.locator('.preview .occurrences li').first().waitFor();
    await page.getByRole('button', { name: 'Create schedule' }).click();
    await page.getByRole('heading', { name: 'hooked' }).waitFor();
    const { action } = await inspected.json<{ action: object }>('/schedules/hooked');
    assert.deepEqual(action, {
      type: 'http',
      method: 'PUT',
      url: 'https://jobs.example/reports?run={{run.id}}',
      headers: { Authorization: 'Bearer {{secret.TOKEN}}', 'X-Key': 'a=b' },
      body: { user: ['{{run.attempt}}'] },
      success: ['2xx', 404],
      signing: { secrets: ['NEW', 'OLD'] },
      cloud_events: true,
    });

    await watched.goTo('schedules/hooked/edit');
    for (const [name, value] of [...values, ['Method', 'PUT'] as const]) {
      assert.equal(await field(name).inputValue(), value, name);
    }
    assert.equal(await page.getByLabel('CloudEvents').isChecked(), true);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'hooked' }).waitFor();
    const saved = await inspected.json<{ action: object; revision: number }>('/schedules/hooked');
    assert.deepEqual(saved.action, action);
    assert.equal(saved.revision, 1, 'nothing has changed');
    await close();
  });

  it('deletes after a confirmation, and every other open page shows it', async () => {
    await create('doomed');
    await watched.goTo('schedules/doomed');
    const other = await (await inspected.open('schedules/doomed')).live();
    await other.page.getByRole('heading', { name: 'doomed' }).waitFor();
    watched.mayMiss = other.mayMiss = true;
    await page.getByRole('button', { name: 'Delete …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Delete …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Schedules' }).waitFor();
    await other.page.getByText('This schedule has been deleted').waitFor();
    await assert.rejects(schedule('doomed'), /404/);
    await other.close();
    await close();
  });

  it('triggers, pauses with a reason, and resumes', async () => {
    await create('asked');
    await watched.goTo('schedules/asked');
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByText('asked runs now').waitFor();
    await page.getByRole('button', { name: 'Pause …' }).click();
    await page.getByLabel('Reason (optional)').fill('audit');
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused: audit').waitFor();
    assert.equal((await schedule('asked')).paused, true);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('Paused: audit').waitFor({ state: 'detached' });
    assert.equal((await schedule('asked')).paused, false);
    await page.getByRole('link', { name: 'Open the run' }).click();
    await page.locator('.facts').getByText('manual').waitFor();
    await page.locator('.heading').getByText('succeeded').waitFor();
    await close();
  });

  it('makes the leader step down after a confirmation, and shows the new leader', async () => {
    const leader = inspected.cluster.leader().id;
    await page.locator('.headline').getByText(`${leader} leads`).waitFor();
    await page.getByRole('button', { name: 'Step down …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Step down …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Step down' }).click();
    await page.getByText(`${leader} was asked to step down`).waitFor();
    await page.getByText(`It acquired the lease when ${leader} stepped down`).waitFor();
    const card = page.getByRole('article', { name: `Replica ${leader}` });
    await card.locator('.state.active').getByText('follower').waitFor();
    await close();
  });
});
