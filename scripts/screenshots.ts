/**
 * Takes the screenshots of docs/inspector.md: a real cluster with some history, the page in a real browser.
 * `npm run screenshots` takes all, `npm run screenshots -- cluster timeline` some.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { PROJECT_DIR } from '../src/local/runtime.ts';
import { insertTerms, insertTrouble, runDoc } from '../harness/browser/records.ts';
import { InspectedCluster } from '../harness/cluster/inspector.ts';
import { testMongo } from '../harness/cluster/mongo.ts';

const DIR = join(PROJECT_DIR, 'docs', 'screenshots');
const DESKTOP = { width: 1200, height: 800 };
const PHONE = { width: 360, height: 740 };

interface Shot {
  name: string;
  path: string;
  /** A selector that matches once the view is complete. */
  complete: string;
  dark?: boolean;
  phone?: boolean;
  /** Text to type into a field before. */
  type?: [label: string, text: string];
}

const SHOTS: Shot[] = [
  { name: 'cluster', path: 'cluster', complete: '.replica .active' },
  { name: 'cluster-dark', path: 'cluster', complete: '.replica .active', dark: true },
  { name: 'timeline', path: 'timeline?span=10800000', complete: '.bar' },
  { name: 'takeover', path: 'timeline?term=', complete: '[aria-label^="Term "].panel', dark: true },
  { name: 'schedules', path: 'schedules', complete: '.strip-mark' },
  { name: 'schedule', path: 'schedules/heartbeat', complete: '.occurrences li' },
  { name: 'run', path: 'runs/nightly-report@failed', complete: '.course li' },
  { name: 'runs', path: 'runs', complete: '.rows .badge' },
  { name: 'lateness', path: 'lateness?minutes=5', complete: '.figures' },
  { name: 'events', path: 'events', complete: '.log-row', dark: true },
  { name: 'machines', path: 'machines', complete: '.chart .active' },
  {
    ...{ name: 'form', path: 'new', complete: '.field-problem' },
    type: ['Cron expression', '30 25 * * MON-FRI'],
  },
  { name: 'phone-cluster', path: 'cluster', complete: '.replica .active', phone: true },
  { name: 'phone-schedules', path: 'schedules', complete: '.strip-mark', phone: true, dark: true },
  { name: 'phone-timeline', path: 'timeline?span=10800000', complete: '.bar', phone: true },
];

const SCHEDULES = [
  {
    ...{ id: 'heartbeat', name: 'Heartbeat', type: 'duration', definition: { interval: '1s' } },
    tags: { team: 'platform' },
  },
  {
    id: 'sync-inventory',
    name: 'Sync inventory',
    type: 'cron',
    definition: { cron_expression: '*/5 * * * * *' },
  },
  {
    ...{
      id: 'nightly-report',
      name: 'Nightly report',
      type: 'cron',
      definition: { cron_expression: '30 2 * * MON-FRI' },
    },
    ...{ tags: { team: 'billing' }, description: 'Sums up the day before, for accounting.' },
  },
  {
    ...{
      id: 'month-end',
      name: 'Close the month',
      type: 'cron',
      definition: { cron_expression: '0 0 1 * *' },
    },
    ...{ paused: true, pause_reason: 'audit until Friday', tags: { team: 'billing' } },
  },
  { id: 'warm-caches', name: 'Warm caches', type: 'duration', definition: { interval: '15s' } },
  {
    ...{ id: 'launch', name: 'Launch', type: 'at_times' },
    definition: { times: [new Date(Date.now() + 7_200_000).toISOString()] },
  },
];

const mongo = await testMongo();
if (mongo.skip) throw new Error(mongo.skip);
const database = mongo.database();
const client = new MongoClient(mongo.uri);
const db = client.db(database);
await insertTerms(mongo.uri, db, 36);
const inspected = await InspectedCluster.start({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
try {
  for (const schedule of SCHEDULES) await inspected.post('/schedules', schedule);
  await insertTrouble(db, 'nightly-report');
  const states = ['succeeded', 'succeeded', 'failed', 'succeeded', 'succeeded', 'timed_out', 'succeeded'];
  await db.collection('runs').insertMany(
    states.map((state, i) =>
      runDoc('warm-caches', `warm-caches@earlier-${i}`, Date.now() - (i + 20) * 15_000, state)
    ),
  );
  await attachRuns(['nightly-report', 'warm-caches']);
  // About a minute of runs, with a takeover.
  const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1000));
  await seconds(40);
  inspected.cluster.leader().process.kill('SIGKILL');
  await inspected.cluster.add('r4');
  await seconds(25);
  await mkdir(DIR, { recursive: true });
  const { term } = await inspected.json<{ term: number }>('/leader');
  const wanted = process.argv.slice(2);
  for (const shot of SHOTS) if (wanted.length === 0 || wanted.includes(shot.name)) await take(shot, term);
} finally {
  await inspected.stop();
  await client.close();
  await mongo.stop();
}

/** Makes the inserted runs those of the schedules that exist now, not of earlier ones with these ids. */
async function attachRuns(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { created_at } = await inspected.json<{ created_at: string }>(`/schedules/${id}`);
    const change = { $set: { schedule_created_at: new Date(created_at) } };
    await db.collection('runs').updateMany({ schedule_id: id }, change);
  }
}

async function take({ name, path, complete, dark, phone, type }: Shot, term: number): Promise<void> {
  const { page } = await inspected.open(path.endsWith('term=') ? `${path}${term}` : path, {
    viewport: phone ? PHONE : DESKTOP,
    colorScheme: dark ? 'dark' : 'light',
    ...(phone && { isMobile: true, hasTouch: true, deviceScaleFactor: 1.5 }),
  });
  await page.locator('.live.ok').waitFor();
  if (type) await page.getByLabel(type[0], { exact: true }).fill(type[1]);
  await page.locator(complete).first().waitFor();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const file = join(DIR, `${name}.png`);
  await page.screenshot({ path: file });
  // With ImageMagick, a third of the size.
  spawnSync('convert', [
    file,
    '+dither',
    '-colors',
    '128',
    '-strip',
    '-define',
    'png:compression-level=9',
    `PNG8:${file}`,
  ]);
  await page.context().close();
  console.log(`${name}: ${Math.round((await stat(file)).size / 1000)} kB`);
}
