/**
 * Two replicas whose MongoDB refuses to write: they log the reason, answer 503 with it, and count it in their metrics;
 * once it accepts writes again, they continue with nothing lost.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import type { Run } from '../../src/domain/runs/run.ts';
import { failCommand } from '../store/mongoDatabase.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { type Samples, samplesOf } from '../support/prometheus.ts';
import { type Line, ProcessCluster, type ReplicaProcess } from '../../harness/cluster/replicas.ts';

const EVERY_MS = 50;
const STEADY = { id: 'steady', type: 'duration', definition: { interval: `${EVERY_MS}ms` } };
/** The application name of the replicas' clients: the failpoints apply to these only. */
const APP = 'refused';

const REFUSALS: [reason: string, failPoint: { failCommands: string[]; errorCode: number }][] = [
  ['OutOfDiskSpace', { failCommands: ['insert', 'update', 'findAndModify'], errorCode: 14031 }],
  ['Unauthorized', { failCommands: ['insert', 'update', 'findAndModify'], errorCode: 13 }],
  // Claims alone: the lease can be renewed, so the leader stays.
  ['FileStreamFailed', { failCommands: ['insert'], errorCode: 39 }],
  ['ExceededMemoryLimit', { failCommands: ['commitTransaction'], errorCode: 146 }],
];

const mongo = await testMongo();
after(() => mongo.stop());

async function samples({ url }: ReplicaProcess): Promise<Samples> {
  return samplesOf(await (await fetch(`${url}/metrics`)).text());
}

/** The sum of all series with that name and, if given, these labels. */
function sum(all: Samples, name: string, labels = ''): number {
  const mine = Object.entries(all).filter(([series]) =>
    series.split('{')[0] === name && series.includes(labels)
  );
  return mine.reduce((total, [, value]) => total + value, 0);
}

async function post({ url }: ReplicaProcess, body: unknown): Promise<{ status: number; detail: string }> {
  const response = await fetch(`${url}/schedules`, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, detail: (await response.json() as { detail: string }).detail };
}

describe('two replicas whose MongoDB refuses to write', { skip: mongo.skip }, () => {
  const raw = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  const database = mongo.database();
  const uri = `${mongo.uri}${mongo.uri.includes('?') ? '&' : '?'}appName=${APP}`;
  const cluster = new ProcessCluster({ MONGO_URI: uri, MONGO_DATABASE: database });
  const { replicas } = cluster;

  before(async () => {
    for (const id of ['r1', 'r2']) await cluster.add(id);
    await Promise.all(replicas.map((replica) => replica.said(({ msg }) => msg === 'now follower')));
    await Promise.any(replicas.map((replica) => replica.said(({ msg }) => msg === 'leading')));
    assert.equal((await post(replicas[0]!, STEADY)).status, 201);
    await anyFires(replicas);
  });

  after(async () => {
    await cluster.stop();
    await raw.db(database).dropDatabase();
    await raw.close();
  });

  for (const [reason, failPoint] of REFUSALS) {
    const commands = failPoint.failCommands.join(', ');
    it(
      `report it, answer, and recover by themselves: ${reason} of ${commands}`,
      { timeout: 60_000 },
      async () => {
        const leader = cluster.leader();
        const from = leader.lines.length;
        const before = await samples(leader);
        const failing = await failCommand(raw, 'alwaysOn', { appName: APP, ...failPoint });
        const line = await leader.said(({ level, reason: why }) => level === 'error' && why === reason, from);
        assert.match(line.msg, /^the store refuses calls/);
        assert.match(`${line.operation}`, /^[a-z]+\.[a-z]+$/);
        assert.match(`${line.error}`, /^MongoDB refused .*failCommand/, "the server's own words");

        const refusesAll = failPoint.failCommands.includes('findAndModify');
        if (refusesAll) {
          const term = await leader.said(({ msg }) => msg === 'term ended', from);
          assert.equal(term.by, 'expired');
          const { status, detail } = await post(leader, { ...STEADY, id: 'no' });
          assert.equal(status, 503);
          for (const replica of replicas) assert.equal(sum(await samples(replica), 'scheduler_is_leader'), 0);
          assert.ok(detail.startsWith(`the store refuses changes (${reason}): `), detail);
        }
        assert.equal((await leader.json('/schedules')).status, 200, 'reads still work');
        assert.equal((await leader.json('/livez')).status, 200);

        const now = await samples(leader);
        for (const operation of refusesAll ? ['lease.renew', 'schedules.create'] : ['claims.claim']) {
          const refused = (all: Samples) =>
            sum(all, 'scheduler_store_errors_total', `operation="${operation}",kind="refused"`);
          assert.ok(refused(now) > refused(before), operation);
        }
        const firesAgain = anyFires(replicas);
        await failing.off();
        await firesAgain;
      },
    );
  }

  it('have lost nothing, and counted all they did', { timeout: 60_000 }, async () => {
    for (const replica of replicas) {
      const errors = replica.lines.filter(({ level }) => level === 'error' || level === 'stderr');
      const reasons = errors.map(({ reason, msg }) => reason ?? msg);
      assert.deepEqual(reasons, [...new Set(reasons)], 'one line a minute of each kind');
    }
    const final = await Promise.all(replicas.map(samples));
    await cluster.stop();
    replicas.forEach(({ lines }, i) => assertTransitions(lines, final[i]!));
    await assertNothingLost(raw, database, final);
  });
});

async function anyFires(replicas: readonly ReplicaProcess[]): Promise<void> {
  const fired = ({ msg }: { msg: string }) => msg === 'running schedule';
  await Promise.any(replicas.map((replica) => replica.said(fired, replica.lines.length)));
}

/** Each occurrence has one record, which succeeded, and the metrics count them. */
async function assertNothingLost(
  raw: MongoClient,
  database: string,
  final: readonly Samples[],
): Promise<void> {
  const runs = await raw.db(database).collection<Run>('runs').find().sort({ scheduled_for: 1 }).toArray();
  const [first] = runs;
  assert.ok(first);
  const nominalMs = (_: unknown, k: number) => first.scheduled_for.getTime() + k * EVERY_MS;
  const odd = runs.findIndex((run, k) => run.scheduled_for.getTime() !== nominalMs(run, k));
  assert.equal(odd, -1, `after ${runs[odd - 1]?.id} comes ${runs[odd]?.id}`);
  assert.deepEqual([...new Set(runs.map((run) => run.state))], ['succeeded']);

  const counted = (name: string, labels = '') =>
    final.reduce((total, all) => total + sum(all, `scheduler_${name}`, labels), 0);
  const claimed = counted('runs_total', 'state="claimed"');
  // A few more were claimed between reading the metrics and the end of the replicas.
  assert.ok(claimed > 0 && claimed <= runs.length, `${claimed} of ${runs.length}`);
  assert.equal(counted('runs_total', 'state="missed"'), 0);
  assert.ok(counted('is_leader') <= 1);
}

/** The metrics count the terms in the log; one more may have been logged since they were read. */
function assertTransitions(lines: readonly Line[], all: Samples): void {
  for (const reason of ['acquired', 'pre-empted', 'expired', 'fenced']) {
    const logged = lines.filter(({ msg, by }) => /^term (began|ended)$/.test(msg) && by === reason).length;
    const counted = sum(all, 'scheduler_leadership_transitions_total', `reason="${reason}"`);
    assert.ok(
      counted <= logged && counted >= logged - 1,
      `${reason}: ${counted} in the metrics, ${logged} logged`,
    );
  }
  const terms = lines.filter(({ msg }) => msg === 'term began').map(({ term }) => Number(term));
  assert.ok(sum(all, 'scheduler_leader_term') >= Math.max(0, ...terms.slice(0, -1)));
}
