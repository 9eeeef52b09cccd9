/** Replicas of two versions, of which one does not understand a schedule, and a server's clock that is set. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openMetrics } from '../../../src/infra/metrics/metrics.ts';
import { samplesOf } from '../../support/prometheus.ts';
import { NEEDS_NEWEST } from '../../../harness/sim/host.ts';
import type { SimProcess } from '../../../harness/sim/process.ts';
import { assertOnceEach, SimCluster } from '../../support/simCluster.ts';

const OLD = { version: 1 };
/** Makes a schedule that only the new version understands. */
const ODD = { tags: NEEDS_NEWEST };

/** What a replica's `/metrics` says. */
async function measured(cluster: SimCluster, id: string, add: () => SimProcess) {
  const metrics = openMetrics(
    '1.0.0',
    () => ({ ...replica.replica.vitals(), addressOk: null, leaderWatched: false }),
    () => ({ lines: 0, failures: 0 }),
    { schedules: 1, moments: 1 },
  );
  cluster.replicaObserver = metrics.replica;
  const replica = add();
  cluster.replicaObserver = null;
  await cluster.clock.advance(1000);
  assert.equal(cluster.leader().id, id);
  const sample = async (name: string) => samplesOf(await metrics.text())[`scheduler_${name}`];
  return { replica, sample };
}

describe('a rolling update', () => {
  it('loses nothing of what only the new version understands, and does nothing twice, there and back', async () => {
    const cluster = new SimCluster();
    const old = cluster.add('old', OLD);
    await cluster.clock.advance(1000);
    await cluster.create('odd', 100, ODD);
    await cluster.create('plain', 100);
    await cluster.clock.advance(3000);
    assert.deepEqual([await cluster.runs('odd'), (await cluster.runs('plain')).length], [[], 30]);
    const { watermark } = (await cluster.user.lease.read()).lease;
    assert.ok(watermark.claimedThroughMs >= cluster.clock.now() - 400, 'the watermark does not wait for it');
    assert.ok((watermark.setAside?.get('odd')?.claimedThroughMs ?? Infinity) <= cluster.clock.now() - 3000);

    const news = cluster.add('new');
    await cluster.clock.advance(500);
    old.crash();
    await cluster.clock.advance(5000);
    assert.equal(news.role, 'leader');
    assert.equal(await assertOnceEach(cluster, 'odd', 100), 85);

    const back = cluster.add('back', OLD);
    await cluster.clock.advance(500);
    news.crash();
    await cluster.clock.advance(5000);
    assert.equal(back.role, 'leader');
    assert.ok((await cluster.runs('odd')).length < 95);
    cluster.add('newest');
    await cluster.clock.advance(500);
    void back.stop();
    await cluster.clock.advance(1000);
    for (const id of ['odd', 'plain']) assert.equal(await assertOnceEach(cluster, id, 100), 155);
  });

  it('tells of what it sets aside: once by name, with the reason, and in a gauge', async () => {
    const cluster = new SimCluster();
    const { replica, sample } = await measured(cluster, 'old', () => cluster.add('old', OLD));
    assert.equal(await sample('schedules_not_understood'), 0);
    for (const id of ['odd', 'odd-2']) await cluster.create(id, 100, ODD);
    await cluster.create('plain', 100);
    await cluster.clock.advance(2000);
    assert.deepEqual([await sample('schedules_not_understood'), await sample('due_queue_length')], [2, 1]);
    const told = cluster.logOf(replica.id).filter((line) =>
      line.endsWith('a schedule is not understood by this version and is set aside')
    );
    assert.deepEqual(told.map((line) => line.split(' ')[0]), ['warn', 'warn']);
    await cluster.user.schedules.remove('odd');
    await cluster.clock.advance(1000);
    assert.equal(await sample('schedules_not_understood'), 1);
  });

  it('says how many more there are when there are many', async () => {
    const cluster = new SimCluster();
    for (let i = 0; i < 25; i++) await cluster.create(`odd-${i}`, 1000, ODD);
    const { replica, sample } = await measured(cluster, 'old', () => cluster.add('old', OLD));
    assert.equal(await sample('schedules_not_understood'), 25);
    assert.equal(cluster.logOf(replica.id).filter((line) => line.includes('set aside')).length, 21);
  });
});

describe("a server's clock that is set", () => {
  it('is told of in the log and in metrics, and what is made after a set-back fires', async () => {
    const cluster = new SimCluster();
    const { replica, sample } = await measured(cluster, 'r1', () => cluster.add('r1'));
    const steps = async () => [
      await sample('server_clock_steps_total{direction="back"}'),
      await sample('server_clock_steps_total{direction="forward"}'),
    ];
    const told = () =>
      cluster.logOf(replica.id).filter((line) => line.startsWith("warn the database server's clock"));
    assert.deepEqual([await steps(), await sample('server_clock_behind_seconds')], [[0, 0], 0]);
    cluster.serverClock.offsetMs = -3_600_000;
    await cluster.clock.advance(1000);
    assert.deepEqual(await steps(), [1, 0]);
    const behindS = await sample('server_clock_behind_seconds') as number;
    assert.ok(behindS > 3598 && behindS <= 3600, `${behindS}`);
    assert.match(told().join('\n'), /^warn the database server's clock was set back: [^\n]*$/);
    await cluster.create('new', 100);
    await cluster.clock.advance(1050);
    assert.equal((await cluster.runs('new')).length, 10);

    cluster.serverClock.offsetMs -= 40_000;
    await cluster.clock.advance(1000);
    assert.deepEqual(await steps(), [2, 0], 'twice');
    cluster.serverClock.offsetMs = 0;
    await cluster.clock.advance(1000);
    assert.deepEqual([await steps(), await sample('server_clock_behind_seconds')], [[2, 1], 0]);
    assert.equal(told().length, 3);
    const { lease } = await cluster.user.lease.read();
    assert.equal(
      lease.set_back && lease.set_back.from.getTime() - lease.set_back.to.getTime() > 39_000,
      true,
    );
  });
});
