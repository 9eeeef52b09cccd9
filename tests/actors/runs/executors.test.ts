/** Who executes, and how runs wait, retry, are cancelled and take turns: on replicas as they are (G7, G9, G10). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cancelled } from '../../../src/domain/runs/life.ts';
import { manualRun } from '../../../src/domain/runs/request.ts';
import { OPEN_STATES, type Run } from '../../../src/domain/runs/run.ts';
import { DEFAULT_POLICY, type Policy } from '../../../src/domain/schedules/policy.ts';
import { everySpec } from '../../../harness/definitions.ts';
import type { Host } from '../../../harness/sim/host.ts';
import { SimCluster, unreachable } from '../../support/simCluster.ts';
import { understood } from '../../support/schedules.ts';
import { executionsOf } from './adoptionScenario.ts';

const NEVER = new Promise<never>(() => {});

async function clusterOf(host: Partial<Host> = {}): Promise<SimCluster> {
  const cluster = new SimCluster();
  for (const id of ['r1', 'r2', 'r3']) cluster.add(id, host);
  await cluster.clock.advance(1000);
  return cluster;
}

/** Each attempt takes so long. */
function takes(cluster: SimCluster, forMs: number): void {
  cluster.attempt = () => cluster.clock.wait(forMs);
}

const policy = (more: Partial<Policy>): { policy: Policy } => ({ policy: { ...DEFAULT_POLICY, ...more } });

async function requestOf(cluster: SimCluster, id: string, tag: string): Promise<Run> {
  const run = manualRun(understood(await cluster.user.schedules.get(id)), cluster.clock.now(), tag);
  assert.equal(await cluster.user.runs.request(run), true);
  return run;
}

describe('runs', () => {
  it('are executed by the leader, and by it alone, while it has a place', async () => {
    const cluster = await clusterOf();
    await cluster.create('s', 50);
    takes(cluster, 300);
    await cluster.clock.advance(3000);
    const leader = cluster.leader().id;
    assert.ok(cluster.executions.length >= 58);
    assert.deepEqual([...new Set(cluster.executions.map(({ replica }) => replica))], [leader]);
  });

  it('spill over to the standbys when the leader is full, within half a second, and none waits for long', async () => {
    const cluster = await clusterOf({ places: 3 });
    const leader = cluster.leader().id;
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await cluster.create(id, 2000);
    takes(cluster, 1500);
    await cluster.clock.advance(2600);
    const own = cluster.executions.filter(({ replica }) => replica === leader);
    assert.deepEqual([own.length, cluster.executions.length], [3, 6], 'it has three places');
    const latest = (await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((id) => cluster.runs(id)))).flat();
    const dueMs = Math.min(...latest.map((run) => run.scheduled_for.getTime()));
    assert.ok(cluster.executions.every(({ atMs }) => atMs - dueMs < 500));
  });

  it('wait for a place when all replicas are full, and each is executed once', async () => {
    const cluster = await clusterOf({ places: 2 });
    await cluster.create('s', 3_600_000);
    takes(cluster, 400);
    const runs: Run[] = [];
    for (let k = 0; k < 30; k++) runs.push(await requestOf(cluster, 's', `${k}`));
    await cluster.clock.advance(5000);
    const stored = await cluster.runs('s');
    assert.deepEqual([...new Set(stored.map(({ state }) => state))], ['succeeded']);
    for (const run of runs) assert.equal(executionsOf(cluster, run).length, 1);
    // 6 places, 400 ms each: 30 runs take 5 rounds, and little more than that.
    const lastMs = Math.max(...cluster.executions.map(({ atMs }) => atMs)) - cluster.executions[0]!.atMs;
    assert.ok(lastMs < 4 * 400 + 700, `${lastMs} ms`);
  });

  it('never exceed the places of a replica, whatever comes (G9)', async () => {
    const cluster = await clusterOf({ places: 4 });
    const live = new Map<string, number>();
    let most = 0;
    cluster.attempt = async ({ executor }) => {
      const id = executor as string;
      live.set(id, (live.get(id) ?? 0) + 1);
      most = Math.max(most, live.get(id) as number);
      await cluster.clock.wait(120);
      live.set(id, (live.get(id) as number) - 1);
    };
    for (const id of ['a', 'b', 'c']) await cluster.create(id, 20);
    await cluster.clock.advance(2000);
    assert.equal(most, 4);
  });

  it('of a schedule with many slow ones leave places to others (G10)', async () => {
    const cluster = await clusterOf({ places: 9 });
    await cluster.create('slow', 25);
    await cluster.create('quick', 500);
    cluster.attempt = ({ schedule_id }) =>
      schedule_id === 'slow' ? cluster.clock.wait(20_000) : Promise.resolve();
    await cluster.clock.advance(6000);
    const quick = await cluster.runs('quick');
    assert.ok(quick.length >= 11);
    for (const run of quick.slice(0, -1)) {
      assert.equal(run.state, 'succeeded');
      assert.ok(run.lateness_ms < 1500, `${run.id} was ${run.lateness_ms} ms late`);
    }
  });

  it('do not begin anew while the store takes no outcomes: each keeps its place until its end is recorded', async () => {
    const cluster = await clusterOf({ places: 5, standbyExecutes: false });
    await cluster.create('s', 20);
    await cluster.create('t', 20);
    const leader = cluster.leader();
    leader.link.trouble = (op, run) => op === 'runs.record' ? unreachable() : run();
    await cluster.clock.advance(2000);
    const begun = cluster.executions.length;
    assert.equal(begun, 5);
    leader.link.trouble = null;
    await cluster.clock.advance(2000);
    assert.ok(cluster.executions.length > 150, `${cluster.executions.length}`);
    const executed = cluster.executions.map(({ runId }) => runId);
    assert.equal(new Set(executed).size, executed.length);
  });
});

describe('a run that has failed', () => {
  const retry = { max_attempts: 3, initial_backoff: '2s', multiplier: 1, max_backoff: '2s' };

  it('is tried again after a while, by any executor, and ends with its last attempt', async () => {
    const cluster = await clusterOf();
    await cluster.create('s', 3_600_000, policy({ retry }));
    cluster.attempt = () => Promise.reject(new Error('refused'));
    const { id } = await requestOf(cluster, 's', 'one');
    await cluster.clock.advance(20);
    const stored = async () => await cluster.user.runs.get(id) as Run;
    const { state, waiting_for, available_at, attempts: [failed] } = await stored();
    assert.deepEqual([state, waiting_for], ['retrying', 'retry']);
    const waitMs = available_at.getTime() - failed!.finished_at.getTime();
    assert.ok(waitMs >= 0 && waitMs < 2000);
    await cluster.clock.advance(5000);
    const { state: end, attempts, failures, error } = await stored();
    assert.deepEqual([end, failures, error], ['failed', 3, 'refused']);
    assert.deepEqual(attempts.map((each) => each.number), [1, 2, 3]);
    const [first, second] = cluster.executions;
    assert.equal(second!.atMs >= first!.atMs + waitMs, true, 'not before it is available');
    assert.ok(second!.atMs - first!.atMs - waitMs < 20, 'and then at once');
  });

  it('is tried again by another when the leader dies while it waits', async () => {
    const cluster = await clusterOf();
    await cluster.create(
      's',
      3_600_000,
      policy({ retry: { ...retry, initial_backoff: '30s', max_backoff: '30s' } }),
    );
    cluster.attempt = ({ attempt }) =>
      attempt === 1 ? Promise.reject(new Error('refused')) : Promise.resolve();
    const { id } = await requestOf(cluster, 's', 'one');
    await cluster.clock.advance(1000);
    const old = cluster.leader();
    old.crash();
    await cluster.clock.advance(30_000);
    const { state, attempt, executor } = await cluster.user.runs.get(id) as Run;
    assert.deepEqual([state, attempt], ['succeeded', 2]);
    assert.notEqual(executor, old.id);
  });

  it('keeps to what it was claimed with when the schedule is changed', async () => {
    const cluster = await clusterOf();
    await cluster.create('s', 3_600_000, policy({ retry }));
    cluster.attempt = () => Promise.reject(new Error('refused'));
    const { id } = await requestOf(cluster, 's', 'one');
    await cluster.clock.advance(20);
    understood(await cluster.user.schedules.replace('s', everySpec(3_600_000)));
    await cluster.clock.advance(6000);
    assert.equal((await cluster.user.runs.get(id) as Run).failures, 3);
  });
});

describe('the cancellation of a run', () => {
  const cancel = async (cluster: SimCluster, id: string) => {
    const run = await cluster.user.runs.get(id) as Run;
    await cluster.user.runs.change([cancelled(run, 'requested', new Date(cluster.clock.now()))]);
  };

  it('aborts its attempt at once, wherever that is, and no retry follows', async () => {
    const cluster = await clusterOf();
    await cluster.create('s', 3_600_000, policy({ retry: { ...DEFAULT_POLICY.retry, max_attempts: 5 } }));
    cluster.attempt = () => NEVER;
    const { id } = await requestOf(cluster, 's', 'one');
    await cluster.clock.advance(100);
    await cancel(cluster, id);
    await cluster.clock.advance(30);
    const { state, reason, attempt } = await cluster.user.runs.get(id) as Run;
    assert.deepEqual([state, reason, attempt], ['cancelled', 'requested', 1]);
    await cluster.clock.advance(60_000);
    assert.equal(cluster.executions.length, 1);
  });

  it('aborts its attempt within a second when its executor misses the notification', async () => {
    const cluster = await clusterOf();
    await cluster.create('s', 3_600_000);
    cluster.attempt = () => NEVER;
    const { id } = await requestOf(cluster, 's', 'one');
    await cluster.clock.advance(100);
    cluster.leader().link.trouble = (op, run) => op === 'lease.watch' ? unreachable() : run();
    await cancel(cluster, id);
    await cluster.clock.advance(1100);
    assert.equal((await cluster.user.runs.get(id) as Run).state, 'cancelled');
  });

  it('ends the run, when its executor dies before it knows', async () => {
    const cluster = await clusterOf();
    await cluster.create('s', 3_600_000);
    cluster.attempt = () => NEVER;
    const { id } = await requestOf(cluster, 's', 'one');
    await cluster.clock.advance(100);
    cluster.leader().crash();
    await cancel(cluster, id);
    await cluster.clock.advance(15_000);
    const { state, reason } = await cluster.user.runs.get(id) as Run;
    assert.deepEqual([state, reason, cluster.executions.length], ['cancelled', 'requested', 1]);
  });
});

describe('a schedule that is deleted', () => {
  it('lets an attempt that is under way finish, and that is the last', async () => {
    const cluster = await clusterOf();
    await cluster.create('s', 3_600_000, policy({ retry: { ...DEFAULT_POLICY.retry, max_attempts: 5 } }));
    cluster.attempt = async () => {
      await cluster.clock.wait(500);
      throw new Error('refused');
    };
    const { id } = await requestOf(cluster, 's', 'one');
    await cluster.clock.advance(100);
    await cluster.user.schedules.remove('s');
    await cluster.clock.advance(20_000);
    const { state, attempt, error } = await cluster.user.runs.get(id) as Run;
    assert.deepEqual([state, attempt, error, cluster.executions.length], ['failed', 1, 'refused', 1]);
  });

  it('takes with it what waits for a retry', async () => {
    const cluster = await clusterOf();
    const retry = { max_attempts: 5, initial_backoff: '1h', multiplier: 1, max_backoff: '1h' };
    await cluster.create('s', 3_600_000, policy({ retry }));
    cluster.attempt = () => Promise.reject(new Error('refused'));
    const { id } = await requestOf(cluster, 's', 'one');
    await cluster.clock.advance(100);
    await cluster.user.schedules.remove('s');
    const { state, reason } = await cluster.user.runs.get(id) as Run;
    assert.deepEqual([state, reason], ['cancelled', 'schedule_deleted']);
  });
});

describe('a schedule whose runs do not overlap', () => {
  /** How many runs are live at most, and in which order they begin, of a schedule that fires every second. */
  async function overlapping(
    overlap: Policy['overlap'],
    forMs: number,
    attempt?: (cluster: SimCluster) => Promise<void>,
  ) {
    const cluster = await clusterOf();
    await cluster.create('s', 1000, policy({ overlap }));
    let live = 0;
    let most = 0;
    cluster.attempt = async () => {
      most = Math.max(most, ++live);
      await (attempt ? attempt(cluster) : cluster.clock.wait(2500));
      live--;
    };
    await cluster.clock.advance(forMs + 20);
    const runs = await cluster.runs('s');
    const states = runs.map(({ state, waiting_for }) =>
      OPEN_STATES.includes(state) ? waiting_for ?? 'live' : state
    );
    return { cluster, most, runs, states };
  }

  it('skip: records what falls due meanwhile', async () => {
    const { most, states, runs } = await overlapping('skip', 7000);
    assert.equal(most, 1);
    const done = ['succeeded', 'skipped', 'skipped'];
    assert.deepEqual(states, [...done, ...done, 'live']);
    assert.deepEqual([
      ...new Set(runs.filter(({ state }) => state === 'skipped').map(({ reason }) => reason)),
    ], ['overlap']);
  });

  it('queue: runs one after the other, in order, and loses none', async () => {
    const { cluster, most, states } = await overlapping('queue', 7000);
    assert.equal(most, 1);
    assert.deepEqual(states, ['succeeded', 'succeeded', 'live', 'overlap', 'overlap', 'overlap', 'overlap']);
    cluster.attempt = () => Promise.resolve();
    await cluster.user.schedules.replace(
      's',
      everySpec(1000, { ...policy({ overlap: 'queue' }), paused: true }),
    );
    await cluster.clock.advance(10_000);
    const order = cluster.executions.map(({ runId }) => runId);
    assert.deepEqual(order, (await cluster.runs('s')).map(({ id }) => id));
  });

  it('replace: aborts what is live, and starts the next when that has ended', async () => {
    const { cluster, states } = await overlapping('replace', 4000);
    assert.deepEqual(states, ['cancelled', 'cancelled', 'cancelled', 'live']);
    const startMs = cluster.executions.map(({ atMs }) => atMs);
    assert.equal(startMs.length, 4);
    const runs = await cluster.runs('s');
    runs.forEach((run, k) => assert.ok(startMs[k]! - run.scheduled_for.getTime() < 50, 'at once'));
  });

  it('goes on in turn when the leader dies, and with the run that held the turn', async () => {
    const { cluster } = await overlapping('queue', 3000);
    cluster.leader().crash();
    cluster.attempt = () => Promise.resolve();
    await cluster.clock.advance(15_000);
    const runs = await cluster.runs('s');
    assert.ok(runs.length >= 15);
    assert.deepEqual(runs.slice(0, -1).filter(({ state }) => state !== 'succeeded'), []);
  });
});
