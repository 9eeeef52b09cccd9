/**
 * How runs share the places of three processes (one-member MongoDB): `npm run bench:places`.
 *
 * - 150 runs of a second due at once, 50 places on each replica: when each begins, and where; then on the
 *   leader alone (STANDBY_EXECUTES=false).
 * - 100 short runs a second: where they are executed.
 * - 10,000 slow runs of one schedule wait: how late the runs of another schedule begin.
 * - A queue of 50 slow runs, with a kill -9 of the leader in the middle: their order.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { testMongo } from '../harness/cluster/mongo.ts';
import { ProcessCluster, type ReplicaProcess } from '../harness/cluster/replicas.ts';

const PLACES = '50';

interface Started {
  replica: string;
  run_id: string;
  scheduled_for: string;
  atMs: number;
}

const mongo = await testMongo();
if (mongo.skip) throw new Error(mongo.skip);

/** Runs one experiment on three replicas of its own. */
async function on(env: Record<string, string>, experiment: (cluster: ProcessCluster) => Promise<void>) {
  const settings = { MONGO_URI: mongo.uri, MONGO_DATABASE: mongo.database(), ...env };
  const cluster = await ProcessCluster.ofThree(settings);
  try {
    await experiment(cluster);
  } finally {
    await cluster.stop();
  }
}

async function create(cluster: ProcessCluster, body: object): Promise<void> {
  const { status, body: answer } = await cluster.leader().json('/schedules', {
    method: 'POST',
    body: JSON.stringify(body),
  });
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(answer)}`);
}

/** The attempts that began, in order. */
function started(cluster: ProcessCluster, of: (scheduleId: string) => boolean): Started[] {
  return cluster.replicas.flatMap(({ id, lines }) =>
    lines.filter(({ msg, schedule_id }) => msg === 'running schedule' && of(`${schedule_id}`)).map((
      line,
    ) => ({
      ...{ replica: id, run_id: `${line.run_id}`, scheduled_for: `${line.scheduled_for}` },
      atMs: Date.parse(`${line.time}`),
    }))
  ).sort((a, b) => a.atMs - b.atMs);
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(20);
}

function byReplica(runs: readonly Started[], { id: leader }: ReplicaProcess): string {
  const counts = new Map<string, number>();
  for (const { replica } of runs) counts.set(replica, (counts.get(replica) ?? 0) + 1);
  return [...counts].map(([id, count]) => `${id}${id === leader ? ' (leader)' : ''} ${count}`).join(', ');
}

/** At most so many of a replica's runs of a second were under way at once. */
function mostAtOnce(runs: readonly Started[]): number {
  return Math.max(
    ...runs.map((run) =>
      runs.filter(({ replica, atMs }) =>
        replica === run.replica && atMs <= run.atMs && atMs > run.atMs - 1000
      ).length
    ),
  );
}

async function burst(standbyExecutes: boolean): Promise<void> {
  const env = { MAX_CONCURRENT_RUNS: PLACES, STANDBY_EXECUTES: String(standbyExecutes) };
  await on(env, async (cluster) => {
    const dueMs = Date.now() + 8000;
    const definition = { times: [new Date(dueMs).toISOString()] };
    for (let n = 0; n < 150; n++) {
      await create(cluster, {
        ...{ id: `s${n}`, type: 'at_times', definition },
        action: { type: 'log', takes: '1s' },
      });
    }
    const runs = () => started(cluster, () => true);
    await until(() => runs().length >= 150);
    const late = runs().map(({ atMs }) => atMs - dueMs);
    console.log(
      `150 runs of 1 s at once, ${PLACES} places each, STANDBY_EXECUTES=${standbyExecutes}: the last began ` +
        `after ${late.at(-1)} ms (median ${late[75]}); ${byReplica(runs(), cluster.leader())}; ` +
        `at most ${mostAtOnce(runs())} at once on one replica`,
    );
  });
}

async function ordinary(): Promise<void> {
  await on({ MAX_CONCURRENT_RUNS: PLACES }, async (cluster) => {
    for (let n = 0; n < 100; n++) {
      await create(cluster, { id: `s${n}`, type: 'duration', definition: { interval: '1s' } });
    }
    await delay(20_000);
    const runs = started(cluster, () => true);
    console.log(`100 runs a second for 20 s: ${byReplica(runs, cluster.leader())}`);
  });
}

async function fairness(): Promise<void> {
  await on({ MAX_CONCURRENT_RUNS: PLACES }, async (cluster) => {
    const dueMs = Date.now() + 3000;
    const times = Array.from({ length: 10_000 }, (_, k) => new Date(dueMs + k).toISOString());
    const definition = { times };
    await create(cluster, { id: 'slow', type: 'at_times', definition, action: { type: 'log', takes: '5s' } });
    await delay(20_000);
    await create(cluster, { id: 'other', type: 'duration', definition: { interval: '200ms' } });
    await delay(30_000);
    const others = started(cluster, (id) => id === 'other');
    const late = others.map(({ atMs, scheduled_for }) => atMs - Date.parse(scheduled_for)).toSorted((a, b) =>
      a - b
    );
    const slow = started(cluster, (id) => id === 'slow').length;
    console.log(
      `10,000 slow runs of one schedule (${slow} begun): the ${others.length} runs of another one began after ` +
        `${late[Math.floor(late.length / 2)]} ms (median), ${late.at(-1)} ms at most`,
    );
  });
}

async function queue(): Promise<void> {
  await on({}, async (cluster) => {
    const dueMs = Date.now() + 1000;
    const definition = {
      times: Array.from({ length: 50 }, (_, k) => new Date(dueMs + k * 20).toISOString()),
    };
    await create(cluster, {
      ...{ id: 'queue', type: 'at_times', definition, policy: { overlap: 'queue' } },
      action: { type: 'log', takes: '500ms' },
    });
    const runs = () => started(cluster, () => true);
    await until(() => runs().length >= 25);
    cluster.leader().process.kill('SIGKILL');
    await until(() => new Set(runs().map(({ run_id }) => run_id)).size >= 50);
    const first = [...new Map(runs().toReversed().map((run) => [run.run_id, run])).values()]
      .toSorted((a, b) => a.atMs - b.atMs).map(({ scheduled_for }) => scheduled_for);
    const inOrder = first.every((at, index) => index === 0 || at > (first[index - 1] as string));
    const gaps = runs().slice(1).map(({ atMs }, index) => atMs - (runs()[index] as Started).atMs - 500)
      .toSorted((a, b) => a - b);
    console.log(
      `a queue of 50 runs of 500 ms, kill -9 of the leader after 25: ${first.length} runs, ` +
        `${
          inOrder ? 'in order' : 'OUT OF ORDER'
        }; ${runs().length} attempts; from the end of one to the start of the ` +
        `next ${gaps[Math.floor(gaps.length / 2)]} ms (median), ${gaps.at(-1)} ms at most`,
    );
  });
}

try {
  await burst(true);
  await burst(false);
  await ordinary();
  await fairness();
  await queue();
} finally {
  await mongo.stop();
}
