/**
 * Three replicas while their MongoDB, a set of three members, fails: without a primary, stopped, not started yet, or
 * refusing writes. The product reports it, stays alive, and recovers by itself with nothing lost.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { RUNTIME } from '../../src/local/runtime.ts';
import { Fleet } from '../../harness/chaos/fleet.ts';
import { impactOf, spread } from '../../harness/chaos/impacts.ts';
import { Ledger, type StoredSchedule } from '../../harness/chaos/ledger.ts';
import { mongodForSets, MongoSet } from '../../harness/cluster/mongoSet.ts';
import { verdict } from '../../harness/chaos/verdict.ts';
import type { Line, ReplicaProcess } from '../../harness/cluster/replicas.ts';

const { binary, skip } = await mongodForSets();
const DATABASE = 'trouble';
const ENV = { MONGO_DATABASE: DATABASE };
const EVERY_MS = 50;
const LEASE_MS = 3000;
const OUT_OF_DISK_SPACE = 14031;
/** Uncollected garbage; the heaps of both runtimes stop growing at about this. */
const GARBAGE_MIB = 128;
/** The failures are MongoDB's, so one of each suffices on Deno. */
const ROUNDS = RUNTIME === 'node' ? 3 : 1;
const STEADY = { id: 'steady', type: 'duration', definition: { interval: `${EVERY_MS}ms` } };

describe('three replicas whose MongoDB fails', { skip }, () => {
  let set: MongoSet;
  let fleet: Fleet;
  let ledger: Ledger;

  beforeEach(async () => {
    set = await MongoSet.prepare(binary);
    ledger = new Ledger();
  });

  afterEach(async () => {
    await fleet?.stop();
    await set.stop();
  });

  async function startAll(): Promise<void> {
    await set.startMembers();
    await set.initiate();
    fleet = await Fleet.start(set, ENV);
    await fleet.leads();
    await createSteady();
  }

  async function createSteady(): Promise<void> {
    ledger.creating(STEADY.id, EVERY_MS);
    const init = { method: 'POST', body: JSON.stringify(STEADY) };
    const { status, body } = await fleet.leader().life.json<StoredSchedule>('/schedules', init);
    assert.equal(status, 201);
    ledger.defined(STEADY.id, body);
    await fleet.fires();
  }

  /** Nothing crashed, and every occurrence up to now is claimed, executed once, and recorded. */
  async function assertNothingLost(): Promise<void> {
    const { findings: { counts, ...violations } } = await verdict({ fleet, set }, DATABASE, ledger);
    assert.deepEqual(fleet.crashes(), []);
    for (const [kind, sentences] of Object.entries(violations)) assert.deepEqual(sentences, [], kind);
    assert.ok(counts.claimed > 0);
  }

  it('without a primary: they answer 503 within bounded memory, and the leader steps down by its own clock', async (t) => {
    await startAll();
    const old = fleet.leader();
    const lines = old.life.lines.length;
    const frozen = await set.secondaries();
    const primary = await set.primary();
    const beganMs = performance.now();
    for (const member of frozen) await member.signal('SIGSTOP');
    const ended = await old.life.said((line) => line.msg === 'term ended', lines);
    assert.equal(ended.by, 'expired');
    assert.ok(ended.readMs - beganMs < LEASE_MS, `it led for ${ended.readMs - beganMs} ms`);
    await set.notPrimary(primary);

    await Promise.all(fleet.slots.map(({ life }) => assertUnavailable(life)));
    await expect503(fleet, 1000);
    const before = await memoryOf(fleet);
    for (let round = 0; round < 2; round++) await expect503(fleet, 1000);
    const after = await memoryOf(fleet);
    t.diagnostic(`resident memory before and after 2000 failing requests: ${before} and ${after} MiB`);
    after.forEach((mib, i) =>
      assert.ok(mib < before[i]! + GARBAGE_MIB, `${before} MiB before, ${after} MiB after`)
    );
    for (const { life } of fleet.slots) assert.equal((await life.json('/livez')).status, 200);

    const firesAgain = fleet.fires();
    for (const member of frozen) await member.signal('SIGCONT');
    await set.healthy();
    await firesAgain;
    await assertNothingLost();
  });

  it('stopped: they start without it, and recover once it runs, also a replica restarted during the outage', async () => {
    fleet = await Fleet.start(set, ENV);
    const unread = (line: Line) => line.msg === 'the schedules could not be read; retrying';
    await Promise.all(fleet.slots.map(async ({ life }) => {
      await life.said(unread);
      await assertUnavailable(life);
    }));
    await set.startMembers();
    await set.initiate();
    await fleet.leads();
    await createSteady();

    const old = fleet.leader();
    const lines = old.life.lines.length;
    await Promise.all(set.members.map((member) => member.signal('SIGKILL')));
    assert.equal((await old.life.said((line) => line.msg === 'term ended', lines)).by, 'expired');
    old.signal('SIGTERM');
    assert.equal(await old.life.process.ended, 'exit code 0');
    await old.start();
    await old.life.said(unread);
    for (const { life } of fleet.slots) assert.equal((await life.json('/livez')).status, 200);
    const firesAgain = fleet.fires();
    await set.startMembers();
    await firesAgain;
    await assertNothingLost();
  });

  it('refusing writes: they report it, and continue once it accepts writes', async () => {
    await startAll();
    const warned = fleet.slots.map(({ life }) => life.said(saysRefused, life.lines.length));
    const leader = fleet.leader().life;
    const ended = leader.said((line) => line.msg === 'term ended', leader.lines.length);
    await set.admin({
      configureFailPoint: 'failCommand',
      mode: 'alwaysOn',
      data: { failCommands: ['insert', 'update', 'findAndModify'], errorCode: OUT_OF_DISK_SPACE },
    });
    await Promise.all(warned);
    await ended;
    const { life } = fleet.slots[0]!;
    const answer = await life.json('/schedules', {
      method: 'POST',
      body: JSON.stringify({ ...STEADY, id: 'no' }),
    });
    assert.equal(answer.status, 503);
    assert.equal((await life.json('/schedules')).status, 200, 'reads still work');
    assert.equal((await life.json('/livez')).status, 200);
    const firesAgain = fleet.fires();
    await set.admin({ configureFailPoint: 'failCommand', mode: 'off' });
    await firesAgain;
    await assertNothingLost();
  });

  it('with a new primary: they fire again within seconds, repeatedly', async (t) => {
    await startAll();
    const injections = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const cause of ['step-down', 'kill -9'] as const) {
        const beganMs = performance.now();
        const primary = await set.primary();
        if (cause === 'step-down') await set.stepDown();
        else await primary.signal('SIGKILL');
        await set.notPrimary(primary);
        await set.primary();
        await fleet.fires();
        injections.push({ kinds: [cause], beganMs, overMs: performance.now(), deposed: null });
        if (cause === 'kill -9') await primary.start();
        await set.healthy();
      }
    }
    const impacts = injections.map((injection) => impactOf(injection, fleet.executions()));
    for (const cause of ['step-down', 'kill -9']) {
      const pausesMs = impacts.filter((impact) => impact.cause === cause).map(({ pauseMs }) => pauseMs);
      t.diagnostic(`${cause} of the primary, without a run for (median, p99, max): ${spread(pausesMs)} ms`);
      for (const pauseMs of pausesMs) assert.ok(pauseMs < 15_000, `${cause}: ${pauseMs} ms`);
    }
    await assertNothingLost();
  });
});

/** The line contains the server's own message. */
function saysRefused(line: Line): boolean {
  return line.level === 'warn' && `${line.error}`.includes("Failing command via 'failCommand' failpoint");
}

async function assertUnavailable(life: ReplicaProcess): Promise<void> {
  for (const method of ['GET', 'POST']) {
    const body = method === 'POST' ? { body: JSON.stringify({ ...STEADY, id: 'unavailable' }) } : {};
    const response = await fetch(`${life.url}/schedules`, { method, ...body });
    assert.equal(response.status, 503);
    assert.match(response.headers.get('Retry-After') ?? '', /^[1-9]\d*$/);
    // The last one is from a replica that has not prepared the store yet.
    assert.match(
      await response.text(),
      /the store did(n't| not) answer|the store does not answer|until the store is prepared/,
    );
  }
  assert.equal((await life.json('/livez')).status, 200);
  assert.equal((await life.json('/readyz')).status, 503);
}

/** Sends reads, all of which must get a 503. */
async function expect503(fleet: Fleet, count: number): Promise<void> {
  const answers = await Promise.all(Array.from({ length: count }, async (_, i) => {
    const { life } = fleet.slots[i % fleet.slots.length]!;
    return (await life.json('/schedules')).status;
  }));
  assert.deepEqual([...new Set(answers)], [503]);
}

/** Resident memory of each replica, MiB. */
async function memoryOf(fleet: Fleet): Promise<number[]> {
  const pids = fleet.slots.map(({ life }) => life.process.pid);
  return await Promise.all(pids.map(async (pid) => {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', `${pid}`]);
    return Math.round(Number(stdout) / 1024);
  }));
}
