/**
 * The cost of ten open inspector pages for the replica that serves them, at 200 runs a second: its CPU time and
 * memory, by its own metrics, without and with the pages.
 *
 *   npm run bench:pages
 */
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { BROWSER_FLAGS } from '../harness/cluster/inspector.ts';
import { findChromium } from '../harness/cluster/chromium.ts';
import { testMongo } from '../harness/cluster/mongo.ts';
import { ProcessCluster, type ReplicaProcess } from '../harness/cluster/replicas.ts';

const PAGES = 10;
const SCHEDULES = 40;
const INTERVAL_MS = 200;
const MEASURE_MS = 20_000;
const VIEWS = ['cluster', 'timeline', 'schedules', 'runs', 'lateness', 'events'];

async function metric(replica: ReplicaProcess, name: string): Promise<number> {
  const text = await (await fetch(`${replica.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

async function measure(replica: ReplicaProcess, what: string): Promise<void> {
  const startedMs = performance.now();
  const before = await metric(replica, 'process_cpu_seconds_total');
  await delay(MEASURE_MS);
  const cpuS = await metric(replica, 'process_cpu_seconds_total') - before;
  const share = cpuS * 1000 / (performance.now() - startedMs);
  const memory = await metric(replica, 'process_resident_memory_bytes');
  console.log(`${what}: ${(share * 100).toFixed(1)} % of a core, ${Math.round(memory / 1e6)} MB`);
}

const { binary } = findChromium();
const mongo = await testMongo();
if (binary === null || mongo.skip) {
  console.error('This needs a Chromium and a mongod: set CHROMIUM_BINARY or MONGOD_BINARY.');
  process.exit(1);
}
const cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: mongo.database() });
const browser = await chromium.launch({ executablePath: binary, args: BROWSER_FLAGS });
try {
  const replica = cluster.replicas.find((each) => each !== cluster.leader()) as ReplicaProcess;
  const body = JSON.stringify({ type: 'duration', definition: { interval: `${INTERVAL_MS}ms` } });
  for (let made = 0; made < SCHEDULES; made++) await replica.json('/schedules', { method: 'POST', body });
  await delay(3000);
  await measure(replica, 'a follower, with no page open');
  const pages = [];
  for (let opened = 0; opened < PAGES; opened++) {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${replica.url}/inspector#/${VIEWS[opened % VIEWS.length]}`);
    await page.locator('.live.ok').waitFor();
    pages.push(page);
  }
  await delay(3000);
  await measure(replica, `with ${PAGES} pages open on it`);
} finally {
  await browser.close();
  await cluster.stop();
  await mongo.stop();
}
