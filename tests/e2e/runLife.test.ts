/**
 * The life of runs on real processes and a real MongoDB, with the leader's process killed in the middle: how they
 * overlap, are tried again, are counted, and spill over to the standbys.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { ProcessCluster } from '../../harness/cluster/replicas.ts';
import { eventually } from '../store/support.ts';

const mongo = await testMongo();
after(() => mongo.stop());

const BOUNDED = { timeout: 120_000 };
const KINDS = ['skip', 'queue', 'replace'] as const;

interface ApiAttempt {
  number: number;
  executor: string;
  started_at: string | null;
  finished_at: string;
  state: string;
}

interface ApiRun {
  id: string;
  state: string;
  reason: string | null;
  scheduled_for: string;
  started_at: string | null;
  finished_at: string | null;
  attempt: number;
  attempts: ApiAttempt[];
}

const OPEN = ['claimed', 'running', 'retrying'];
const ms = (text: string) => Date.parse(text);

describe('the life of runs', { skip: mongo.skip }, () => {
  async function clusterOf(env: Record<string, string> = {}) {
    const database = mongo.database();
    const cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: database, ...env });
    const create = async (body: object) => {
      const text = JSON.stringify(body);
      const { status } = await cluster.leader().json('/schedules', { method: 'POST', body: text });
      assert.equal(status, 201);
    };
    /** All runs of a schedule, oldest first, once none is open. */
    const runsOf = async (id: string, isComplete: (runs: ApiRun[]) => boolean) =>
      await eventually(async () => {
        const { body } = await cluster.leader().json<ApiRun[]>(`/schedules/${id}/runs?limit=1000`);
        const isDone = isComplete(body) && body.every(({ state }) => !OPEN.includes(state));
        return isDone ? body.toReversed() : null;
      });
    return {
      ...{ cluster, create, runsOf },
      async end() {
        await cluster.stop();
        const client = new MongoClient(mongo.uri);
        await client.db(database).dropDatabase();
        await client.close();
      },
    };
  }

  /** Kills the leader's process; resolves when another one leads. */
  async function killLeader(cluster: ProcessCluster): Promise<void> {
    const old = cluster.leader();
    old.process.kill('SIGKILL');
    await eventually(() => Promise.resolve(cluster.leader() === old ? null : true));
  }

  it(
    'lets no two runs of a schedule overlap whose policy is against it, over a kill -9',
    BOUNDED,
    async () => {
      const { cluster, create, runsOf, end } = await clusterOf();
      try {
        const startMs = Date.now() + 1500;
        const times = Array.from({ length: 20 }, (_, k) => new Date(startMs + k * 150).toISOString());
        for (const overlap of KINDS) {
          await create({
            id: overlap,
            type: 'at_times',
            definition: { times },
            action: { type: 'log', takes: '400ms' },
            policy: { overlap },
          });
        }
        const { lines } = cluster.leader();
        await eventually(() => Promise.resolve(lines.filter(isExecution).length >= 6 || null));
        await killLeader(cluster);
        for (const overlap of KINDS) {
          const runs = await runsOf(overlap, ({ length }) => length === times.length);
          const begun = runs.flatMap(({ attempts, scheduled_for }) =>
            attempts.flatMap((attempt) => attempt.started_at === null ? [] : [{ ...attempt, scheduled_for }])
          ).sort((a, b) => ms(a.started_at as string) - ms(b.started_at as string));
          for (const [index, next] of begun.slice(1).entries()) {
            const before = begun[index] as ApiAttempt;
            assert.ok(
              ms(next.started_at as string) >= ms(before.finished_at),
              `${overlap}: ${JSON.stringify([before, next])}`,
            );
          }
          const states = new Set(runs.map(({ state, reason }) => `${state} ${reason}`));
          const expected = {
            skip: ['succeeded null', 'skipped overlap'],
            queue: ['succeeded null'],
            replace: ['succeeded null', 'cancelled replaced', 'skipped overlap'],
          }[overlap];
          assert.deepEqual([...states].filter((state) => !expected.includes(state)), [], overlap);
          if (overlap !== 'queue') continue;
          const order = begun.filter(({ state }) => state === 'succeeded').map(({ scheduled_for }) =>
            scheduled_for
          );
          assert.deepEqual(order, order.toSorted(), 'in the order of their times');
        }
      } finally {
        await end();
      }
    },
  );

  it('claims max_runs occurrences exactly, over a kill -9', BOUNDED, async () => {
    const { cluster, create, runsOf, end } = await clusterOf();
    try {
      await create({ id: 'few', type: 'duration', definition: { interval: '50ms' }, max_runs: 100 });
      await eventually(() => Promise.resolve(cluster.leader().executed().length >= 30 || null));
      await killLeader(cluster);
      const runs = await runsOf('few', ({ length }) => length >= 100);
      assert.equal(runs.length, 100);
      const { body } = await cluster.leader().json<{ completed: boolean }>('/schedules/few');
      assert.equal(body.completed, true);
    } finally {
      await end();
    }
  });

  it('tries a failed run again under its id after the backoff, over a kill -9', BOUNDED, async () => {
    const { cluster, create, runsOf, end } = await clusterOf();
    try {
      await create({
        id: 'fails',
        type: 'at_times',
        definition: { times: [new Date(Date.now() + 500).toISOString()] },
        action: { type: 'log', fails: 1 },
        policy: { retry: { max_attempts: 3, initial_backoff: '2s', multiplier: 1, max_backoff: '2s' } },
      });
      const leader = cluster.leader();
      await leader.said(isExecution);
      await killLeader(cluster);
      const [run] = await runsOf('fails', ({ length }) => length === 1) as [ApiRun];
      assert.deepEqual([run.state, run.attempt], ['failed', run.attempts.at(-1)?.number]);
      const failed = run.attempts.filter(({ state }) => state === 'failed');
      assert.equal(failed.length, 3, JSON.stringify(run.attempts));
      for (const [index, next] of failed.slice(1).entries()) {
        const waitedMs = ms(next.started_at as string) - ms((failed[index] as ApiAttempt).finished_at);
        assert.ok(waitedMs >= 0, `${waitedMs}`);
      }
      const executed = cluster.replicas.flatMap((replica) => replica.executed());
      assert.equal(new Set(executed).size, executed.length, 'no attempt twice');
      assert.deepEqual([...new Set(executed.map((one) => one.split(',')[0]))], [run.id], 'one delivery id');
    } finally {
      await end();
    }
  });

  it('keeps places for other schedules, however many slow runs of one wait (G10)', BOUNDED, async () => {
    const { cluster, create, end } = await clusterOf({ MAX_CONCURRENT_RUNS: '20' });
    try {
      const due = Date.now() + 1000;
      const times = Array.from({ length: 1000 }, (_, k) => new Date(due + k).toISOString());
      await create({
        id: 'slow',
        type: 'at_times',
        definition: { times },
        action: { type: 'log', takes: '5s' },
      });
      const slow = () => executions(cluster, 'slow');
      await eventually(() => Promise.resolve(slow().length >= 3 * 18 || null));
      await create({ id: 'other', type: 'duration', definition: { interval: '200ms' } });
      const others = () => executions(cluster, 'other');
      await eventually(() => Promise.resolve(others().length >= 10 || null));
      const latest = Math.max(...others().map(({ lateness_ms }) => Number(lateness_ms)));
      assert.ok(latest < 1000, `${latest} ms`);
    } finally {
      await end();
    }
  });

  for (const standbys of [true, false]) {
    const what = standbys ? 'spills over to the standbys' : 'keeps to the leader, in rounds';
    it(`${what} when more is due at once than one replica has places for`, BOUNDED, async () => {
      const { cluster, create, end } = await clusterOf({
        MAX_CONCURRENT_RUNS: '20',
        STANDBY_EXECUTES: String(standbys),
      });
      try {
        const due = new Date(Date.now() + 4000).toISOString();
        for (let index = 0; index < 60; index++) {
          await create({
            id: `s${index}`,
            type: 'at_times',
            definition: { times: [due] },
            action: { type: 'log', takes: '1s' },
          });
        }
        const counts = () => cluster.replicas.map((replica) => replica.executed().length);
        await eventually(() => Promise.resolve(counts().reduce((sum, n) => sum + n, 0) === 60 || null));
        const leader = cluster.replicas.indexOf(cluster.leader());
        if (standbys) assert.deepEqual(counts(), [20, 20, 20]);
        else assert.equal(counts()[leader], 60);
      } finally {
        await end();
      }
    });
  }
});

const isExecution = ({ msg }: { msg: string }) => msg === 'running schedule';
const executions = (cluster: ProcessCluster, id: string) =>
  cluster.replicas.flatMap(({ lines }) =>
    lines.filter((line) => isExecution(line) && line.schedule_id === id)
  );
