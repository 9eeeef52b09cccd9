/**
 * Takeover times on this machine: three processes, a one-member MongoDB, a 20 ms schedule; from the signal to
 * the first run that another replica has claimed and executes. `npm run bench -- --rounds 5`. Ends with an
 * audit: every occurrence has one record, and was executed once.
 */
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MongoClient } from 'mongodb';
import { testMongo } from '../harness/cluster/mongo.ts';
import { ProcessCluster, type ReplicaProcess } from '../harness/cluster/replicas.ts';

const INTERVAL_MS = 20;
const CAUSES = ['SIGTERM', 'SIGKILL', 'SIGSTOP'] as const;
type Cause = (typeof CAUSES)[number];

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = Number(options.rounds);

async function main(): Promise<void> {
  const mongo = await testMongo();
  if (mongo.skip) throw new Error(mongo.skip);
  const database = mongo.database();
  const cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
  const body = JSON.stringify({
    id: 'steady',
    type: 'duration',
    definition: { interval: `${INTERVAL_MS}ms` },
  });
  await cluster.replicas[0]!.json('/schedules', { method: 'POST', body });
  for (const cause of CAUSES) {
    const tookMs: number[] = [];
    for (let round = 0; round < rounds; round++) tookMs.push(await takeover(cluster, cause));
    console.log(`${cause.padEnd(8)} ${describe(tookMs)}`);
  }
  const late = cluster.replicas.flatMap(({ lines }) =>
    lines.filter((line) => line.msg === 'running schedule' && line.trigger === 'schedule').map((line) =>
      Number(line.lateness_ms)
    )
  );
  console.log(`lateness ${describe(late)} runs without catch-up`);
  const { body: last } = await cluster.leader().json<unknown>('/schedules/steady', { method: 'DELETE' });
  if (last === null) throw new Error('the schedule no longer exists');
  await cluster.stop();
  await audit(mongo.uri, database, cluster);
  await mongo.stop();
}

async function takeover(cluster: ProcessCluster, cause: Cause): Promise<number> {
  // Until the leader fires and two followers could take over.
  await delay(1000);
  const old = cluster.leader();
  const next = cluster.firedByAnother(old);
  const startedMs = performance.now();
  old.process.kill(cause);
  const { line } = await next;
  if (cause === 'SIGSTOP') await wake(old);
  else {
    await old.process.ended;
    const heir = await cluster.add(`${old.id.split('-')[0]}-${Math.round(performance.now())}`);
    await heir.said((said) => said.msg === 'now follower');
  }
  return line.readMs - startedMs;
}

async function wake(old: ReplicaProcess): Promise<void> {
  const from = old.lines.length;
  old.process.kill('SIGCONT');
  await old.said((line) => line.msg === 'now follower', from);
}

async function audit(uri: string, database: string, cluster: ProcessCluster): Promise<void> {
  const client = new MongoClient(uri);
  const runs = await client.db(database).collection('runs').find({}).sort({ scheduled_for: 1 }).toArray();
  await client.close();
  const firstMs = runs[0]?.scheduled_for.getTime();
  const missing = runs.filter((run, k) => run.scheduled_for.getTime() !== firstMs + k * INTERVAL_MS).length;
  const executed = cluster.replicas.flatMap((replica) => replica.executed());
  const twice = executed.length - new Set(executed).size;
  const open = runs.filter((run) => run.state === 'claimed').length;
  console.log(
    `audit    ${runs.length} occurrences recorded, ${
      missing === 0 ? 'none' : missing
    } lost or doubled, ${twice} attempts executed twice, ` +
      `${open} left open by killed replicas`,
  );
  if (missing > 0 || twice > 0) process.exitCode = 1;
}

function describe(valuesMs: number[]): string {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(0);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms, of ${sorted.length}`;
}

await main();
