/** Every view, in both themes and on a phone, over real replicas. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { InspectedCluster } from '../../harness/cluster/inspector.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { violations } from './axe.ts';
import { insertTrouble } from '../../harness/browser/records.ts';

const mongo = await testMongo();

/** Each view: its address, and a selector of something that is there once it is complete. */
const VIEWS: [path: string, complete: string][] = [
  ['cluster', '.replica .chart .active'],
  ['timeline', '.bar'],
  ['timeline?term=1', '[aria-label="Term 1"]'],
  ['schedules', '.schedules .strip'],
  ['schedules?q=nothing-of-this-name', '.empty'],
  ['schedules/steady', '.occurrences li'],
  ['schedules/steady/edit', '.preview .occurrences li'],
  ['schedules/not-there', '.failure'],
  ['new', '.preview .occurrences li'],
  ['runs', '.rows .badge'],
  ['runs?state=failed,timed_out,missed,abandoned', '.rows .badge'],
  ['runs/trouble@failed', '.course li'],
  ['lateness', '.curve.median'],
  ['events', '.log-row'],
  ['machines', '.chart .active'],
  ['machines?machine=run', '.chart .state'],
  ['nowhere', '.empty'],
];

describe('the views of the inspector', { skip: mongo.skip }, () => {
  const database = mongo.database();
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  let inspected: InspectedCluster;

  before(async () => {
    inspected = await InspectedCluster.start({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
    await inspected.post('/schedules', {
      ...{
        id: 'steady',
        name: 'heartbeat',
        type: 'duration',
        definition: { interval: '500ms' },
        tags: { team: 'billing' },
      },
    });
    await inspected.post('/schedules', {
      ...{
        id: 'hold',
        type: 'cron',
        definition: { cron_expression: '0 0 1 * *' },
        paused: true,
        pause_reason: 'audit',
      },
    });
    await insertTrouble(client.db(database), 'trouble');
    await inspected.cluster.leader().said((line) => line.msg === 'running schedule');
  });

  after(async () => {
    await inspected?.stop();
    await client.close();
    await mongo.stop();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`are accessible in ${colorScheme}, and log no errors`, async () => {
      const watched = await (await inspected.open('cluster', { colorScheme, reducedMotion: 'reduce' }))
        .live();
      const found: string[] = [];
      for (const [path, complete] of VIEWS) {
        await watched.goTo(path);
        await watched.page.locator(complete).first().waitFor();
        found.push(...(await violations(watched)).map((line) => `${path}: ${line}`));
      }
      assert.deepEqual(found, []);
      // The browser's own message about each 404 response.
      const expected = watched.complaints.filter((text) => /status of 404/.test(text));
      assert.equal(expected.length > 0, true);
      watched.complaints.splice(
        0,
        Infinity,
        ...watched.complaints.filter((text) => !expected.includes(text)),
      );
      await watched.close();
    });
  }

  it('fit a phone 360 px wide', async () => {
    const viewport = { width: 360, height: 740 };
    const watched = await (await inspected.open('cluster', { viewport, hasTouch: true, isMobile: true }))
      .live();
    for (const [path, complete] of VIEWS.filter(([path]) => path !== 'schedules/not-there')) {
      await watched.goTo(path);
      await watched.page.locator(complete).first().waitFor();
      const width = await watched.page.evaluate('document.documentElement.scrollWidth');
      assert.equal(width, 360, `${path} is ${width} px wide`);
    }
    await watched.close();
  });

  it('show the election machine of each replica in its reported state', async () => {
    const watched = await (await inspected.open('cluster')).live();
    const leader = inspected.cluster.leader().id;
    for (const { id } of inspected.cluster.replicas) {
      const active = watched.page.getByRole('article', { name: `Replica ${id}` }).locator(
        '.state.active text',
      );
      await active.waitFor();
      assert.equal(await active.textContent(), id === leader ? 'leader' : 'follower');
    }
    await watched.close();
  });

  it('never move a row under the pointer: new rows wait behind a button', async () => {
    const watched = await (await inspected.open('schedules/steady')).live();
    const row = watched.page.locator('.rows tbody tr').first();
    const nameOf = () => row.locator('a').getAttribute('aria-label');
    await row.scrollIntoViewIfNeeded();
    await row.hover();
    const [held, place] = [await nameOf(), await row.boundingBox()];
    const button = watched.page.getByRole('button', { name: /^Show [^o].* new runs$/ });
    await button.waitFor();
    assert.equal(await nameOf(), held);
    assert.deepEqual(await row.boundingBox(), place);
    await button.click();
    await watched.until(`document.querySelector('.rows tbody a').ariaLabel !== ${JSON.stringify(held)}`);
    await watched.close();
  });

  it('can be operated by keyboard alone', async () => {
    const watched = await (await inspected.open('cluster')).live();
    const { keyboard } = watched.page;
    const focused = () => watched.page.evaluate('document.activeElement.textContent.trim()');
    await keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to the content');
    await keyboard.press('Enter');
    assert.equal(await focused(), 'Cluster');
    const step = watched.page.getByRole('button', { name: 'Step down …' });
    await step.focus();
    await keyboard.press('Enter');
    await watched.page.getByRole('dialog').waitFor();
    await keyboard.press('Escape');
    await watched.page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await focused(), 'Step down …');
    await watched.close();
  });
});
