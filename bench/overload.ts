/**
 * More than a cluster can do: 200 schedules of 10 ms on three processes and a one-member MongoDB, then a pause.
 * `npm run bench:overload -- --seconds 120 --kill-every 15`. Says how much was executed, the longest time in
 * which nothing was, and the most memory that a replica used; ends with an audit: no attempt was executed
 * twice, and nothing is left open.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MongoClient } from 'mongodb';
import { testMongo } from '../harness/cluster/mongo.ts';
import { ProcessCluster, type ReplicaProcess } from '../harness/cluster/replicas.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    schedules: { type: 'string', default: '200' },
    'kill-every': { type: 'string', default: '0' },
  },
});
const seconds = Number(options.seconds);
const killEveryS = Number(options['kill-every']);
/** Everything that waits is executed within this, s. */
const DRAINED_WITHIN_S = 300;

async function main(): Promise<void> {
  const mongo = await testMongo();
  if (mongo.skip) throw new Error(mongo.skip);
  const database = mongo.database();
  const cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
  const ids = Array.from({ length: Number(options.schedules) }, (_, index) => `s${index}`);
  const client = new MongoClient(mongo.uri);
  const runs = client.db(database).collection('runs');
  const watch = new Watch(cluster);
  for (const id of ids) {
    const body = JSON.stringify({ id, type: 'duration', definition: { interval: '10ms' } });
    await post(cluster, '/schedules', body);
  }
  for (let second = 1; second <= seconds; second++) {
    await delay(1000);
    if (killEveryS > 0 && second % killEveryS === 0) await replaceLeader(cluster, second);
    watch.sample();
    if (second % 10 === 0) {
      console.log(`${second} s: ${watch.executed()} executed, ${await waiting(runs)} wait`);
    }
  }
  console.log('pausing all');
  for (const id of ids) await post(cluster, `/schedules/${id}/pause`, '{}');
  const open = { state: { $in: ['claimed', 'running', 'retrying'] } };
  for (let second = 0; await runs.countDocuments(open, { limit: 1 }) > 0; second++) {
    if (second > DRAINED_WITHIN_S) throw new Error(`${await runs.countDocuments(open)} runs are left open`);
    await delay(1000);
    watch.sample();
  }
  watch.report();
  const byState = await runs.aggregate<{ _id: string; records: number; occurrences: number }>([
    { $group: { _id: '$state', records: { $sum: 1 }, occurrences: { $sum: '$count' } } },
  ]).toArray();
  for (const { _id, records, occurrences } of byState) {
    console.log(`${_id}: ${records} records of ${occurrences} occurrences`);
  }
  await cluster.stop();
  await client.close();
  await mongo.stop();
}

/** Any replica that answers. */
async function post(cluster: ProcessCluster, path: string, body: string): Promise<void> {
  for (const replica of cluster.replicas.toReversed()) {
    try {
      const { status } = await replica.json(path, { method: 'POST', body });
      if (status < 300) return;
    } catch {
      // It is being replaced, or busy: another one answers.
    }
  }
  throw new Error(`no replica took POST ${path}`);
}

async function waiting(runs: { countDocuments(filter: object): Promise<number> }): Promise<number> {
  return await runs.countDocuments({ waiting_schedule: { $gt: '' } });
}

async function replaceLeader(cluster: ProcessCluster, second: number): Promise<void> {
  const old = cluster.leader();
  old.process.kill('SIGKILL');
  await old.process.ended;
  console.log(`${second} s: killed ${old.id}`);
  await cluster.add(`r${second + 10}`);
}

/** What the replicas have executed, by their logs. */
class Watch {
  readonly #cluster: ProcessCluster;
  #mostMb = 0;

  constructor(cluster: ProcessCluster) {
    this.#cluster = cluster;
  }

  sample(): void {
    for (const { process } of this.#cluster.replicas) {
      this.#mostMb = Math.max(this.#mostMb, rssMb(process.pid));
    }
  }

  #attempts() {
    return this.#cluster.replicas.flatMap((replica: ReplicaProcess) =>
      replica.lines.filter(({ msg }) => msg === 'running schedule')
    );
  }

  executed(): number {
    return this.#attempts().length;
  }

  report(): void {
    const attempts = this.#attempts();
    const times = attempts.map(({ readMs }) => readMs).toSorted((a, b) => a - b);
    const gapMs = times.slice(1).reduce(
      (most, ms, index) => Math.max(most, ms - (times[index] as number)),
      0,
    );
    const once = new Set(attempts.map(({ run_id, attempt }) => `${run_id} ${attempt}`));
    const repeated = new Set(attempts.map(({ run_id }) => run_id)).size;
    console.log(
      `${attempts.length} attempts of ${repeated} runs, ${attempts.length - once.size} executed twice; ` +
        `longest time without any ${Math.round(gapMs)} ms; at most ${this.#mostMb} MiB per replica`,
    );
  }
}

function rssMb(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    // It has ended.
    return 0;
  }
}

await main();
