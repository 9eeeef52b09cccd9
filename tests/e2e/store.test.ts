/** A replica whose MongoDB does not answer, and two whose clocks are minutes apart. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Clock } from '../../src/actors/shared/environment.ts';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { jsonLogger } from '../../src/infra/log/log.ts';
import { mongoStore } from '../../src/infra/mongo/store.ts';
import { systemRandom } from '../../src/infra/machine/random.ts';
import { assembleReplica } from '../../src/replica.ts';
import { anotherMongod, testMongo } from '../../harness/cluster/mongo.ts';
import { freePort, ReplicaProcess } from '../../harness/cluster/replicas.ts';
import { everySpec } from '../../harness/definitions.ts';

const mongo = await testMongo();
after(() => mongo.stop());

describe('a replica whose MongoDB does not answer', () => {
  it('reports it, retries, is alive but not ready, and stops cleanly', async () => {
    const unused = `mongodb://127.0.0.1:${await freePort()}/?connect=direct`;
    const replica = await ReplicaProcess.start('lonely', { MONGO_URI: unused });
    const cannotRead = (line: { msg: string }) => line.msg === 'the schedules could not be read; retrying';
    const first = await replica.said(cannotRead);
    assert.match(String(first.error), /127\.0\.0\.1|store|MongoDB/);
    await replica.said(cannotRead, replica.lines.indexOf(first) + 1);
    const ready = await replica.json<{ detail: string }>('/readyz');
    assert.equal(ready.status, 503);
    assert.match(ready.body.detail, /connecting/);
    assert.equal((await replica.json('/livez')).status, 200);
    const schedules = await replica.json<{ detail: string }>('/schedules');
    assert.equal(schedules.status, 503);
    replica.process.kill('SIGTERM');
    assert.equal(await replica.process.ended, 'exit code 0');
  });

  it('leads as soon as MongoDB runs', { skip: mongo.skip }, async () => {
    const port = await freePort();
    const uri = `mongodb://127.0.0.1:${port}/?connect=direct`;
    const replica = await ReplicaProcess.start('early', { MONGO_URI: uri });
    const cannotRead = (line: { msg: string }) => line.msg === 'the schedules could not be read; retrying';
    const first = await replica.said(cannotRead);
    await replica.said(cannotRead, replica.lines.indexOf(first) + 1);
    const late = await anotherMongod(port);
    await replica.said((line) => line.msg === 'leading');
    assert.equal((await replica.json('/readyz')).status, 200);
    await replica.process.stop(10_000);
    await late.stop();
  });

  it('refuses to start with invalid settings, and reports all of them', async () => {
    const replica = await ReplicaProcess.start('wrong', {
      PORT: 'http',
      LOG_LEVEL: 'loud',
      LEASE_DURATION: '3 seconds',
    });
    assert.equal(await replica.process.ended, 'exit code 2');
    const said = replica.lines.map((line) => line.msg).join('\n');
    for (const name of ['PORT=', 'LOG_LEVEL=', 'LEASE_DURATION=']) assert.ok(said.includes(name), said);
  });
});

describe('two replicas whose clocks are ten minutes apart', { skip: mongo.skip }, () => {
  it('agree on when to fire, to within 50 ms (G6)', async () => {
    const database = mongo.database();
    const fired: { replica: string; lateByServerMs: number }[] = [];
    const start = (id: string, skewMs: number) => skewedReplica(id, skewMs, database, fired);
    const first = start('ahead', 300_000);
    await first.fires(0);
    const second = start('behind', -300_000);
    await second.loaded;
    await first.store.schedules.create('s', everySpec(100));
    await first.fires(10);
    const offBy = [first.clockErrorMs()];
    await first.stop();
    await second.fires(10);
    offBy.push(second.clockErrorMs());
    await second.stop();
    for (const ms of offBy) assert.ok(Math.abs(ms) < 50, `the server's clock is estimated ${ms} ms off`);
    for (const id of ['ahead', 'behind']) {
      const late = fired.filter(({ replica }) => replica === id).map((each) => each.lateByServerMs);
      // A busy machine delays some of them; but none may be early, and a wrong clock would delay all of them.
      const least = Math.min(...late);
      assert.ok(least > -5 && least < 50, `${id} fires ${least} ms after the nominal time at best: ${late}`);
    }
  });
});

/** A replica in this process, with a skewed wall clock and another origin of the monotonic clock. */
function skewedReplica(
  id: string,
  skewMs: number,
  database: string,
  fired: { replica: string; lateByServerMs: number }[],
) {
  const system = systemClock();
  const clock: Clock = {
    ...system,
    now: () => system.now() + skewMs,
    monotonic: () => system.monotonic() + skewMs * 3,
  };
  const { logger, logged } = watchedLogger(id, clock);
  const [loaded, leading] = [logged('schedules loaded'), logged('"leading"')];
  const random = systemRandom();
  const store = mongoStore({ uri: mongo.uri, database, logger, clock, random });
  const waiting: { count: number; resolve: () => void }[] = [];
  let executed = 0;
  const replica = assembleReplica({
    ...{ store, clock, random, logger },
    execute: async ({ run }) => {
      executed++;
      // MongoDB runs on this machine, by its clock.
      if (run.trigger === 'schedule') {
        fired.push({ replica: id, lateByServerMs: system.now() - run.scheduled_for.getTime() });
      }
      for (const each of waiting.filter(({ count }) => executed >= count)) each.resolve();
      return { output: null };
    },
    peers: { heir: () => null, watch: () => () => {} },
    identity: { id, boot: random.uuid(), address: `http://${id}`, version: 'test' },
    lease: { durationMs: 3000, retryMs: 300, marginMs: 500 },
    graceMs: 1000,
    maxRuns: 500,
    standbyExecutes: true,
  });
  replica.start();
  return {
    store,
    loaded,
    clockErrorMs: () => replica.serverNowMs() - system.now(),
    /** Resolves when it leads and has executed this many runs. */
    fires: async (count: number) => {
      await leading;
      if (count > executed) await new Promise<void>((resolve) => waiting.push({ count, resolve }));
    },
    stop: async () => {
      await replica.stop();
      await store.close();
    },
  };
}

/** `logged` resolves at the next line that contains the text. */
function watchedLogger(id: string, clock: Clock) {
  const waiting: { text: string; resolve: () => void }[] = [];
  const write = (line: string) => {
    for (const { text, resolve } of waiting) if (line.includes(text)) resolve();
  };
  return {
    logger: jsonLogger({ level: 'info', replica: id, clock, write }),
    logged: (text: string) => new Promise<void>((resolve) => waiting.push({ text, resolve })),
  };
}
