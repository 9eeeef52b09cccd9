/** A takeover in an open page, which gets its events from the killed replica. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import type { ReplicaProcess } from '../../harness/cluster/replicas.ts';
import { InspectedCluster, type WatchedPage } from '../../harness/cluster/inspector.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';

const mongo = await testMongo();
/** Chromium's own messages about a broken stream, and a refused request. */
const BROKEN =
  /ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_FAILED|ERR_CONNECTION|ERR_EMPTY_RESPONSE|status of 50[234]/;

interface Term {
  term: number;
  began_at: string;
  gap_ms: number | null;
}

describe('a takeover in the inspector', { skip: mongo.skip }, () => {
  const database = mongo.database();
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  let inspected: InspectedCluster;

  before(async () => {
    inspected = await InspectedCluster.start({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
    await inspected.post('/schedules', { id: 'steady', type: 'duration', definition: { interval: '200ms' } });
    await inspected.cluster.leader().said((line) => line.msg === 'running schedule');
  });

  after(async () => {
    await inspected?.stop();
    await client.close();
    await mongo.stop();
  });

  /** The front door is a round-robin balancer: one of a few pages gets its events from the leader. */
  async function openThrough(replica: ReplicaProcess, path: string): Promise<WatchedPage> {
    for (let tries = 0; tries < 20; tries++) {
      const watched = await (await inspected.open(path)).live();
      const by = await watched.page.locator('.live').getAttribute('data-tip');
      if (by?.includes(replica.id)) return watched;
      await watched.close();
      // Each page makes the same number of requests. With one more on some pages, that is not always a multiple of
      // three, so that the streams are spread over all replicas.
      if (tries < 10) await inspected.json('/livez');
    }
    throw new Error(`no page got its events from ${replica.id}`);
  }

  it('continues without a missing event after kill -9 of the leader that served the page', async () => {
    const old = inspected.cluster.leader();
    const watched = await openThrough(old, 'timeline?span=60000');
    const { page } = watched;
    const { term } = await inspected.json<Term>('/leader');
    // The page's own modules: its state is compared with the store.
    await page.evaluate(`(async () => {
      window.known = (await import('/inspector/assets/shared/state.js')).state;
      (function look() {
        if (document.querySelector('.bar[data-term="${term + 1}"]')) window.seenMs = Date.now();
        else requestAnimationFrame(look);
      })();
    })()`);
    await watched.until('window.known.runs.length > 3');
    const killedMs = Date.now();
    old.process.kill('SIGKILL');
    await watched.until('window.seenMs !== undefined');
    const seenMs = await page.evaluate('window.seenMs') as number;
    const [newest] = await inspected.json<Term[]>('/leadership?limit=1') as [Term];
    assert.equal(newest.term, term + 1);
    const ledMs = Date.parse(newest.began_at);
    console.log(
      `from kill -9: a new leader after ${ledMs - killedMs} ms, on the page after ${seenMs - killedMs} ms`,
    );
    await page.locator('.live.ok').waitFor();
    assert.doesNotMatch(await page.locator('.live').getAttribute('data-tip') ?? '', new RegExp(old.id));
    if (newest.gap_ms) await page.locator('.gap').last().waitFor();
    await nothingIsMissing(watched);
    watched.complaints.splice(0, Infinity, ...watched.complaints.filter((text) => !BROKEN.test(text)));
    await watched.close();
  });

  /** The page has every stored run between its first and its last one, each once. */
  async function nothingIsMissing(watched: WatchedPage): Promise<void> {
    const { page } = watched;
    const count = await page.evaluate('window.known.runs.length') as number;
    await watched.until(`window.known.runs.length > ${count + 10}`);
    const received = await page.evaluate('window.known.runs.map(({ id }) => id)') as string[];
    assert.equal(new Set(received).size, received.length, 'no run twice');
    const sorted = received.toSorted();
    const stored = await client.db(database).collection<{ _id: string; state: string }>('runs')
      .find({ _id: { $gte: sorted[0] as string, $lte: sorted.at(-1) as string } }).toArray();
    const ended = stored.filter(({ state }) => state !== 'claimed').map(({ _id }) => _id);
    const known = new Set(received);
    assert.deepEqual(ended.filter((id) => !known.has(id)), []);
  }

  it('receives all missed events after it could reach no replica for a while', async () => {
    const old = inspected.cluster.leader();
    const watched = await openThrough(old, 'events');
    const { page } = watched;
    await page.evaluate(
      `import('/inspector/assets/shared/state.js').then(({ state }) => { window.known = state; })`,
    );
    await watched.until('window.known.runs.length > 3');
    let isCutOff = true;
    await page.route(/\/events(\?|$)/, (route) => isCutOff ? route.abort() : route.continue());
    old.process.kill('SIGKILL');
    await page.getByText('Reconnecting').waitFor();
    for (let more = 0; more < 5; more++) await inspected.cluster.firedByAnother(old);
    isCutOff = false;
    await page.locator('.live.ok').waitFor();
    await nothingIsMissing(watched);
    watched.complaints.splice(0, Infinity, ...watched.complaints.filter((text) => !BROKEN.test(text)));
    await watched.close();
  });

  it('shows that there is no leader, and then the new one', async () => {
    const { leader, term } = await inspected.json<{ leader: string; term: number }>('/cluster');
    const at = new Date().toISOString();
    const lines = (event: string, data: object) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    const context = await inspected.browser.newContext();
    // The first stream reports a release, and ends: a real gap would be too short to observe.
    await context.route(/\/events(\?|$)/, (route) =>
      route.fulfill({
        contentType: 'text/event-stream',
        body: lines('hello', { replica: leader, boot: 'x', now: at }) +
          lines('leader', { leader: null, boot: null, term, by: 'released', at }),
      }), { times: 1 });
    const page = await context.newPage();
    await page.goto(`${inspected.url}/inspector`);
    await page.getByText('No leader').waitFor();
    await page.locator('.headline').getByText(`${leader} leads`).waitFor();
    await context.close();
  });
});
