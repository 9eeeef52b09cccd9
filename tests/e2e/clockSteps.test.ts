/** The clock of the database server is set back and forward while three real replicas fire by it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { type RunRecord, strikes, summaryOf, wrongWith } from '../support/accounts.ts';
import { steppedMongo } from '../../harness/cluster/faketime.ts';
import { samplesOf } from '../support/prometheus.ts';
import { type Line, ProcessCluster, type ReplicaProcess } from '../../harness/cluster/replicas.ts';
import { Watcher } from '../support/watcher.ts';

const mongo = await steppedMongo();
const DATABASE = 'clock';
const ON_TIME_MS = 1000;
/** Bounds of the lateness on a busy machine; a replica's measure of the server's clock is slightly off. */
const BUSY_MS = 5000;
const EARLY_MS = 100;
const MINUTE_MS = 60_000;

type When = 'before' | 'during' | 'after';
interface TestSchedule {
  id: string;
  when: When;
  kind: string;
  /** Epoch ms. */
  owed(throughMs: number): number[];
}

/** The part of `GET /cluster` about the clock. */
interface ClusterClock {
  clock: { set_back: { from: string; to: string } | null; behind_ms: number };
}

describe('the clock of the database server', { skip: mongo.skip, timeout: 120_000 }, () => {
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  const runs = client.db(DATABASE).collection<RunRecord>('runs');
  const table: string[][] = [];
  let cluster: ProcessCluster;
  let watcher: Watcher;

  before(async () => {
    cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: DATABASE });
    watcher = new Watcher(`${follower().url}/events`);
    await watcher.connected(1);
  });

  after(async () => {
    watcher?.end();
    await cluster?.stop();
    await client.close();
    await mongo.stop();
    for (const row of table) console.log(row.map((cell, i) => cell.padEnd([12, 7, 6, 33][i] ?? 0)).join(' '));
  });

  const follower = () => cluster.replicas.find((one) => one !== cluster.leader()) as ReplicaProcess;
  const serverMs = () => Date.now() + mongo.offsetMs();
  const metric = async (name: string) => {
    const text = await (await fetch(`${cluster.leader().url}/metrics`)).text();
    return samplesOf(text)[name] as number;
  };
  const fired = (id: string): Line[] =>
    cluster.replicas.flatMap(({ lines }) =>
      lines.filter((line) => line.msg === 'running schedule' && line.schedule_id === id)
    );
  const isSet = (how: 'back' | 'forward') => ({ msg }: Line) =>
    msg.startsWith(`the database server's clock was set ${how}`);

  /** Creates one of each kind through a follower. `timesMs` count from the server's present time. */
  async function create(round: string, when: When, timesMs: readonly number[]): Promise<TestSchedule[]> {
    const times = timesMs.map((ms) => serverMs() + ms);
    const specs = {
      every: { type: 'duration', definition: { interval: '500ms' } },
      cron: { type: 'cron', definition: { cron_expression: '* * * * * *' } },
      times: { type: 'at_times', definition: { times: times.map((ms) => new Date(ms)) } },
    };
    const owed = (kind: string, createdMs: number) => (throughMs: number) => {
      if (kind === 'times') return times.filter((ms) => ms <= throughMs);
      const [everyMs, anchorMs] = kind === 'every' ? [500, createdMs] as const : [1000, 0] as const;
      return strikes(everyMs, anchorMs, createdMs, throughMs);
    };
    return await Promise.all(
      Object.entries(specs).map(async ([kind, spec]) => {
        const id = `${round.replaceAll(' ', '-')}.${when}.${kind}`;
        const init = { method: 'POST', body: JSON.stringify({ id, ...spec }) };
        const { status, body } = await follower().json<{ created_at: string }>('/schedules', init);
        assert.equal(status, 201);
        const createdMs = Date.parse(body.created_at);
        return { id, when, kind, owed: owed(kind, createdMs) };
      }),
    );
  }

  /** Sets the clock and runs `meanwhile` while the leader is frozen: before it can notice the step. */
  async function step(seconds: number, how: 'back' | 'forward', meanwhile = async () => {}): Promise<void> {
    const leader = cluster.leader();
    leader.process.kill('SIGSTOP');
    const from = leader.lines.length;
    await mongo.setClock(seconds);
    await meanwhile();
    leader.process.kill('SIGCONT');
    await leader.said(isSet(how), from);
  }

  /** Resolves when each has fired all that it owes in the next `ms`; returns the end of that time. */
  async function firedFor(schedules: readonly TestSchedule[], ms: number): Promise<number> {
    const throughMs = serverMs() + ms;
    const isDone = ({ id, owed }: TestSchedule) => {
      const lastMs = owed(throughMs).at(-1) ?? -Infinity;
      return fired(id).some(({ scheduled_for }) => Date.parse(`${scheduled_for}`) >= lastMs);
    };
    // Each run that ends is an event.
    await watcher.until(() => schedules.every(isDone));
    return throughMs;
  }

  /** Every occurrence up to `throughMs` is recorded, and no attempt was executed twice. Deletes the schedules. */
  async function audit(
    round: string,
    schedules: readonly TestSchedule[],
    throughMs: number,
    reportedIn: string,
  ): Promise<void> {
    for (const { id, when, kind, owed } of schedules) {
      const records = await runs.find({ schedule_id: id }).sort({ scheduled_for: 1 }).toArray();
      table.push([round, when, kind, reportedIn, summaryOf(records, ON_TIME_MS)]);
      assert.deepEqual(wrongWith(records, owed, throughMs), [], id);
    }
    const attempts = cluster.replicas.flatMap((replica) => replica.executed());
    assert.equal(new Set(attempts).size, attempts.length, 'no attempt was executed twice');
    for (const { id } of schedules) {
      const { status } = await fetch(`${follower().url}/schedules/${id}`, { method: 'DELETE' });
      assert.equal(status, 200);
    }
  }

  /** By the server's clock itself, not by the lateness that the replicas log. */
  function assertOnTime(schedules: readonly TestSchedule[]): void {
    for (const { readMs, run_id, scheduled_for } of schedules.flatMap(({ id }) => fired(id))) {
      const lateMs = performance.timeOrigin + readMs + mongo.offsetMs() - Date.parse(`${scheduled_for}`);
      assert.ok(lateMs > -EARLY_MS && lateMs < BUSY_MS, `${run_id} is ${Math.round(lateMs)} ms late`);
    }
  }

  for (const [round, seconds] of [['back 40 s', -40], ['back 1 h', -3600]] as const) {
    it(`is set ${round}: new schedules fire on time, and no occurrence runs again`, async () => {
      await mongo.setClock(0);
      const before = await create(round, 'before', [1000, 5000]);
      await firedFor(before, 1500);
      let during: TestSchedule[] = [];
      const eventsBefore = watcher.events.length;
      let stepMs = 0;
      await step(seconds, 'back', async () => {
        stepMs = Date.now();
        during = await create(round, 'during', [2000, 3000]);
      });
      const fresh = [...during, ...await create(round, 'after', [1500, 2500])];
      const throughMs = await firedFor(fresh, 2500);
      assertOnTime(fresh);
      const early = before.flatMap(({ id }) => fired(id))
        .filter(({ scheduled_for }) => Date.parse(`${scheduled_for}`) > stepMs);
      assert.deepEqual(early, [], 'earlier schedules wait until the clock catches up');
      await assertReported(seconds, eventsBefore);
      // Otherwise they would miss an hour, whose occurrences are recorded one by one, since each may have run: that
      // takes most of a minute.
      if (seconds < -MINUTE_MS / 1000) {
        await audit(round, fresh.splice(0), throughMs, 'log, metrics, event, /cluster');
      }

      // One second before the time of the step back: that second passes twice.
      await step(-(Date.now() - stepMs) / 1000 - 1, 'forward');
      const endMs = await firedFor([...before, ...fresh], 3500);
      await audit(round, [...before, ...fresh], endMs, 'log, metrics, event, /cluster');
    });
  }

  /** In the log of each replica, the metrics, the events and /cluster. */
  async function assertReported(seconds: number, eventsBefore: number): Promise<void> {
    await Promise.all(cluster.replicas.map((replica) => replica.said(isSet('back'))));
    const event = await watcher.until((events) =>
      events.slice(eventsBefore).find(({ event }) => event === 'clock')
    );
    const { from, to } = event.data.set_back;
    const byMs = Date.parse(to) - Date.parse(from);
    assert.ok(Math.abs(byMs - seconds * 1000) < 5000, `the event reports ${byMs} ms`);
    const { clock } = (await follower().json<ClusterClock>('/cluster')).body;
    assert.deepEqual(clock.set_back, event.data.set_back);
    assert.ok(clock.behind_ms > 0 && clock.behind_ms <= -seconds * 1000, `${clock.behind_ms}`);
    assert.ok(await metric('scheduler_server_clock_steps_total{direction="back"}') > 0);
    const behindS = await metric('scheduler_server_clock_behind_seconds');
    assert.ok(behindS > 0 && behindS <= -seconds, `${behindS}`);
  }

  it('is set forward 1 h: occurrences older than the window are missed, and new schedules are on time', async () => {
    const round = 'forward 1 h';
    await mongo.setClock(0);
    const before = await create(round, 'before', [1000, 20 * MINUTE_MS, 60 * MINUTE_MS + 5000]);
    await firedFor(before, 1500);
    let during: TestSchedule[] = [];
    await step(3600, 'forward', async () => {
      during = await create(round, 'during', [2000, 3000]);
    });
    const fresh = [...during, ...await create(round, 'after', [1500, 2500])];
    const throughMs = await firedFor([...before, ...fresh], 2500);
    assertOnTime(fresh);
    const missed = await runs.find({ state: 'missed', schedule_id: /^forward/ }).toArray();
    assert.deepEqual(new Set(missed.map((run) => run.schedule_id)), new Set(before.map(({ id }) => id)));
    assert.deepEqual(new Set(missed.map(({ reason }) => reason)), new Set(['catch_up_window']));
    assert.ok(await metric('scheduler_server_clock_steps_total{direction="forward"}') > 0);
    await audit(round, [...before, ...fresh], throughMs, 'log, metric');
  });
});
