/** The page's warnings about the configuration of the cluster, and about a database clock that was set back. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { InspectedCluster, type WatchedPage } from '../../harness/cluster/inspector.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { violations } from './axe.ts';

const mongo = await testMongo();
const HOUR_MS = 3_600_000;
const LEASE_MS = 3000;
const VIEWS = [{ colorScheme: 'light' }, { colorScheme: 'dark' }, {
  ...{ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
}] as const;

describe('the warnings of the inspector', { skip: mongo.skip }, () => {
  const database = mongo.database();
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  let inspected: InspectedCluster;

  before(async () => {
    inspected = await InspectedCluster.start({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
  });

  after(async () => {
    await inspected?.stop();
    await client.close();
    await mongo.stop();
  });

  const card = ({ page }: WatchedPage, id: string) => page.getByRole('article', { name: `Replica ${id}` });

  /** Every warning is accessible, and fits a phone. */
  async function isFit(complete: string): Promise<void> {
    for (const options of VIEWS) {
      const watched = await (await inspected.open('cluster', { ...options, reducedMotion: 'reduce' })).live();
      await watched.page.locator(complete).first().waitFor();
      assert.deepEqual(await violations(watched), []);
      const wider = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      assert.equal(await watched.page.evaluate(wider), 0);
      await watched.close();
    }
  }

  it('are shown for the cluster and at the replica, with its lease settings when they differ', async () => {
    const watched = await (await inspected.open('cluster')).live();
    await card(watched, 'r1').getByText('Version').waitFor();
    assert.equal(await card(watched, 'r1').getByText('Lease', { exact: true }).count(), 0);
    // Its address is another process's.
    const [r1] = inspected.cluster.replicas;
    const env = { ADDRESS: r1!.url, LEASE_DURATION: '4s' };
    await inspected.cluster.add('r4', env);
    const banner = watched.page.getByRole('region', { name: 'Warnings' });
    await banner.getByText(/replicas have different lease settings/).waitFor();
    await card(watched, 'r4').getByText('4.0 s, retry').waitFor();
    await card(watched, 'r1').getByText('3.0 s, retry').waitFor();
    await card(watched, 'r4').locator('.warnings').getByText(/ADDRESS|address/).first().waitFor();
    await banner.getByText(/^r4: /).first().waitFor();
    await isFit('.card .warnings');
    await watched.close();
  });

  it('include a clock that was set back, live', async () => {
    const watched = await (await inspected.open('cluster')).live();
    const events = await (await inspected.open('events')).live();
    // The lease as an earlier renewal leaves it.
    const ahead = new Date(Date.now() + HOUR_MS);
    await client.db(database).collection<{ _id: string }>('leases').updateOne({ _id: 'leader' }, {
      $set: {
        ...{ renewed_at: ahead, latest_at: ahead, claimed_through: ahead, mirrored_through: ahead },
        expires_at: new Date(ahead.getTime() + LEASE_MS),
      },
    });
    await events.page.getByText(/the database’s clock was set back by (59 min|1 h)/).waitFor();
    const banner = watched.page.getByRole('region', { name: 'Clock' });
    await banner.getByText(/The database’s clock is (59 min \d+ s|1 h) behind/).waitFor();
    await banner.getByText('does not run again').waitFor();
    await watched.page.locator('.tile', { hasText: 'Claimed up to' }).getByText('ahead of now').waitFor();
    await events.page.getByRole('button', { name: 'Clock', exact: true }).click();
    await events.page.getByText(/was set back/).waitFor({ state: 'detached' });
    await isFit('.headline.warn');
    await events.close();
    await watched.close();
  });
});
