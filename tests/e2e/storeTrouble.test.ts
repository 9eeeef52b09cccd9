/**
 * Three replicas while their MongoDB, a set of three members, is in trouble: without a primary, gone, not
 * there yet, or refusing writes. The product says so, stands it, and goes on by itself with nothing lost.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { RUNTIME } from '../../src/local/runtime.ts';
import { Book, type Stored } from '../../harness/chaos/book.ts';
import { Fleet } from '../../harness/chaos/fleet.ts';
import { impactOf, spread } from '../../harness/chaos/impacts.ts';
import { mongodForSets, MongoSet } from '../../harness/cluster/mongoSet.ts';
import { ORPHANS_ARE_ADOPTED } from '../../harness/chaos/report.ts';
import { verdict } from '../../harness/chaos/verdict.ts';
import type { Line, ReplicaProcess } from '../../harness/cluster/replicas.ts';

const { binary, skip } = await mongodForSets();
const DATABASE = 'trouble';
const ENV = { MONGO_DATABASE: DATABASE };
const EVERY_MS = 50;
const LEASE_MS = 3000;
const OUT_OF_DISK_SPACE = 14031;
/** What may wait to be collected; the heaps of both runtimes stop growing at about this. */
const GARBAGE_MIB = 128;
/** The failures are MongoDB's: on Deno one of each tells. */
const ROUNDS = RUNTIME === 'node' ? 3 : 1;
const STEADY = { id: 'steady', type: 'duration', definition: { interval: `${EVERY_MS}ms` } };

describe('three replicas whose MongoDB is in trouble', { skip }, () => {
  let set: MongoSet;
  let fleet: Fleet;
  let book: Book;

  beforeEach(async () => {
    set = await MongoSet.prepare(binary);
    book = new Book();
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
    await makeSteady();
  }

  async function makeSteady(): Promise<void> {
    book.creating(STEADY.id, EVERY_MS);
    const init = { method: 'POST', body: JSON.stringify(STEADY) };
    const { status, body } = await fleet.leader().life.json<Stored>('/schedules', init);
    assert.equal(status, 201);
    book.defined(STEADY.id, body);
    await fleet.fires();
  }

  /** Nothing crashed, and every occurrence up to now is claimed, executed once, and recorded. */
  async function assertNothingLost(): Promise<void> {
    const { findings: { counts, open, ...found } } = await verdict({ fleet, set }, DATABASE, book);
    assert.deepEqual(fleet.crashes(), []);
    assert.deepEqual(found, { lost: [], doubled: [], alien: [], fenceless: [], late: [] });
    if (ORPHANS_ARE_ADOPTED) assert.deepEqual(open, []);
    assert.ok(counts.claimed > 0);
  }

  it('without a primary: 503, alive, within its memory, and the leader steps down by its own clock', async (t) => {
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
    await refusals(fleet, 1000);
    const before = await memoryOf(fleet);
    for (let round = 0; round < 2; round++) await refusals(fleet, 1000);
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

  it('starts before MongoDB does, and goes on after MongoDB was gone, also when it was started meanwhile', async () => {
    fleet = await Fleet.start(set, ENV);
    const unread = (line: Line) => line.msg === 'the schedules could not be read; retrying';
    await Promise.all(fleet.slots.map(async ({ life }) => {
      await life.said(unread);
      await assertUnavailable(life);
    }));
    await set.startMembers();
    await set.initiate();
    await fleet.leads();
    await makeSteady();

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

  it('is told that a write is refused, says so, and goes on when it is not any more', async () => {
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
    assert.equal((await life.json('/schedules')).status, 200, 'what can be read is read');
    assert.equal((await life.json('/livez')).status, 200);
    const firesAgain = fleet.fires();
    await set.admin({ configureFailPoint: 'failCommand', mode: 'off' });
    await firesAgain;
    await assertNothingLost();
  });

  it('goes on within seconds when the primary steps down or is killed, again and again', async (t) => {
    await startAll();
    const blows = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const cause of ['step-down', 'kill -9'] as const) {
        const beganMs = performance.now();
        const primary = await set.primary();
        if (cause === 'step-down') await set.stepDown();
        else await primary.signal('SIGKILL');
        await set.notPrimary(primary);
        await set.primary();
        await fleet.fires();
        blows.push({ kinds: [cause], beganMs, overMs: performance.now(), deposed: null });
        if (cause === 'kill -9') await primary.start();
        await set.healthy();
      }
    }
    const impacts = blows.map((blow) => impactOf(blow, fleet.executions()));
    for (const cause of ['step-down', 'kill -9']) {
      const silences = impacts.filter((impact) => impact.cause === cause).map(({ silenceMs }) => silenceMs);
      t.diagnostic(`${cause} of the primary, without a run for (median, p99, max): ${spread(silences)} ms`);
      for (const silenceMs of silences) assert.ok(silenceMs < 15_000, `${cause}: ${silenceMs} ms`);
    }
    await assertNothingLost();
  });
});

/** The server's own words are in the line. */
function saysRefused(line: Line): boolean {
  return line.level === 'warn' && `${line.error}`.includes("Failing command via 'failCommand' failpoint");
}

async function assertUnavailable(life: ReplicaProcess): Promise<void> {
  for (const method of ['GET', 'POST']) {
    const body = method === 'POST' ? { body: JSON.stringify({ ...STEADY, id: 'unavailable' }) } : {};
    const response = await fetch(`${life.url}/schedules`, { method, ...body });
    assert.equal(response.status, 503);
    assert.match(response.headers.get('Retry-After') ?? '', /^[1-9]\d*$/);
    // The latter of a replica that has not been able to prepare the store yet.
    assert.match(
      await response.text(),
      /the store did(n't| not) answer|the store does not answer|before the store is prepared/,
    );
  }
  assert.equal((await life.json('/livez')).status, 200);
  assert.equal((await life.json('/readyz')).status, 503);
}

async function refusals(fleet: Fleet, count: number): Promise<void> {
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
