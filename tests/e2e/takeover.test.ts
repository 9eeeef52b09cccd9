/** Three real processes and a real MongoDB, while a schedule fires every 100 ms. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { eventually } from '../store/support.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { type Line, ProcessCluster, type ReplicaProcess } from '../../harness/cluster/replicas.ts';

const mongo = await testMongo();
const INTERVAL_MS = 100;

const isExecution = (line: Line) => line.msg === 'running schedule';

interface RunDoc {
  _id: string;
  scheduled_for: Date;
  state: string;
  executor: string;
  term: number;
  claimed_at: Date;
  attempt: number;
}

describe('a takeover of real processes', { skip: mongo.skip }, () => {
  const database = mongo.database();
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  const runs = client.db(database).collection<RunDoc>('runs');
  let cluster: ProcessCluster;
  let anchorMs: number;
  const dead = new Set<ReplicaProcess>();
  const followers = () =>
    cluster.replicas.filter((replica) => replica !== cluster.leader() && !dead.has(replica));

  before(async () => {
    cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
    const { status, body } = await cluster.replicas[0]!.json<{ created_at: string }>('/schedules', {
      method: 'POST',
      body: JSON.stringify({ id: 'steady', type: 'duration', definition: { interval: `${INTERVAL_MS}ms` } }),
    });
    assert.equal(status, 201);
    anchorMs = Date.parse(body.created_at);
    await cluster.leader().said((line) => line.msg === 'running schedule');
  });

  after(async () => {
    await cluster?.stop();
    await client.close();
    await mongo.stop();
  });

  /**
   * Every occurrence has one record, in state succeeded, and one log line for each attempt: none stays open, also
   * of those that a dead leader had claimed.
   */
  async function audit(): Promise<void> {
    const docs = await runs.find({}).sort({ scheduled_for: 1 }).toArray();
    const nominal = docs.map((doc) => (doc.scheduled_for.getTime() - anchorMs) / INTERVAL_MS);
    assert.deepEqual(
      nominal,
      docs.map((_, index) => index + 1),
      'no occurrence is missing or doubled',
    );
    const executed = cluster.replicas.flatMap((replica) => replica.executed());
    assert.equal(new Set(executed).size, executed.length, 'no attempt was executed twice');
    const done = new Set(executed);
    const undone = docs.filter(({ _id, attempt, state }) =>
      state !== 'claimed' && !done.has(`${_id}, ${attempt}`)
    );
    // A log line may be read a little later than the record is written.
    await Promise.all(undone.map(({ _id, attempt, executor }) => {
      const isIt = (line: Line) => isExecution(line) && line.run_id === _id && line.attempt === attempt;
      const said = cluster.replicas.find(({ id }) => id === executor)?.said(isIt);
      const never = delay(5000, null, { ref: false }).then(() =>
        assert.fail(`${_id} has ended and was not executed`)
      );
      return Promise.race([said ?? assert.fail(`no replica is called ${executor}`), never]);
    }));
    const open = docs.slice(0, -3).filter((doc) => doc.state !== 'succeeded');
    assert.deepEqual(open.map((doc) => `${doc._id} ${doc.state}`), []);
  }

  /** The runs that the dead replica had claimed and not recorded: few at this interval. */
  async function openRunsOf(dead: ReplicaProcess): Promise<string[]> {
    const docs = await runs.find({ executor: dead.id, state: 'claimed' }).toArray();
    assert.ok(docs.length <= 2, `${docs.length} runs of one replica were open at a 100 ms interval`);
    return docs.map((doc) => doc._id);
  }

  /** Resolves when another replica than `dead` has made a second attempt of the run. */
  async function adopted(runId: string, dead: ReplicaProcess): Promise<void> {
    const others = cluster.replicas.filter((replica) => replica !== dead);
    const isIt = (line: Line) => isExecution(line) && line.run_id === runId && line.attempt === 2;
    await Promise.any(others.map((replica) => replica.said(isIt)));
  }

  it('after kill -9: another replica takes over, with nothing lost or doubled', async () => {
    const old = cluster.leader();
    // Right after the start of a run, which is probably not recorded yet.
    await old.said(isExecution, old.lines.length);
    old.process.kill('SIGKILL');
    dead.add(old);
    const { replica } = await cluster.firedByAnother(old);
    assert.equal(cluster.leader(), replica);
    const orphans = await openRunsOf(old);
    await Promise.all(orphans.map((runId) => adopted(runId, old)));
    for (let more = 0; more < 5; more++) await cluster.firedByAnother(old);
    await audit();
    await cluster.add(`${old.id}-again`);
    await cluster.replicas.at(-1)!.said((line) => line.msg === 'now follower');
  });

  it('after SIGSTOP for 6 s: the old leader claims nothing more, and becomes a follower', async () => {
    const old = cluster.leader();
    old.process.kill('SIGSTOP');
    const stoppedAt = new Date();
    const firedByOld = old.executed().length;
    const { replica } = await cluster.firedByAnother(old);
    await delay(Math.max(0, stoppedAt.getTime() + 6000 - Date.now()));
    const linesBefore = old.lines.length;
    old.process.kill('SIGCONT');
    const woken = await old.said((line) => line.msg === 'now follower', linesBefore);
    assert.ok(woken);
    await cluster.firedByAnother(old);
    await cluster.firedByAnother(old);
    // It may still execute a run that it had claimed before (at least once), but no newer one.
    const after = old.executed().slice(firedByOld);
    assert.ok(after.length <= 1, `${after}`);
    const claimedLater = await runs.countDocuments({ executor: old.id, claimed_at: { $gt: stoppedAt } });
    assert.equal(claimedLater, 0);
    assert.equal(cluster.leader(), replica);
    await audit();
  });

  it('after a step-down, requested through any replica: another one takes over, and it becomes a follower', async () => {
    const old = cluster.leader();
    const [other] = followers() as [ReplicaProcess];
    const linesBefore = old.lines.length;
    const answer = await other.json<{ replica: string; term: number }>('/leader/step-down', {
      method: 'POST',
    });
    assert.deepEqual([answer.status, answer.body.replica], [202, old.id]);
    const { replica } = await cluster.firedByAnother(old);
    await old.said((line) => line.msg === 'term ended' && line.by === 'stepped down', linesBefore);
    assert.equal(cluster.leader(), replica);
    // The new leader fires first, and records its term a moment later.
    const [, before] = await eventually(async () => {
      const { body } = await other.json<{ term: number; ended_by: string }[]>('/leadership');
      return body[0]?.term === answer.body.term + 1 ? body : null;
    });
    assert.equal(before?.ended_by, 'stepped down');
    await audit();
  });

  it('executes a manual run once, requested through any replica', async () => {
    const [follower] = followers();
    const daily = { id: 'daily', type: 'cron', definition: { cron_expression: '@yearly' }, paused: true };
    await follower!.json('/schedules', { method: 'POST', body: JSON.stringify(daily) });
    const { status, body } = await follower!.json<{ run_ids: string[] }>('/schedules/daily/trigger', {
      method: 'POST',
    });
    assert.equal(status, 202);
    const isIt = (line: Line) => isExecution(line) && line.run_id === body.run_ids[0];
    await cluster.leader().said(isIt);
    const lines = cluster.replicas.flatMap((replica) => replica.lines.filter(isIt));
    assert.deepEqual(lines.map(({ attempt }) => attempt), [1]);
    await follower!.json('/schedules/daily', { method: 'DELETE' });
    await runs.deleteMany({ schedule_id: 'daily' });
  });

  it('after SIGTERM: the lease is handed over, and the process exits with 0', async () => {
    const old = cluster.leader();
    const next = cluster.firedByAnother(old);
    old.process.kill('SIGTERM');
    await next;
    assert.equal(await old.process.ended, 'exit code 0');
    assert.equal(
      await runs.countDocuments({ executor: old.id, state: 'claimed' }),
      0,
      'all outcomes are recorded',
    );
    const { body } = await cluster.leader().json<{ replicas: { id: string }[] }>('/cluster');
    assert.equal(body.replicas.some((each) => each.id === old.id), false, 'it has deregistered');
    await audit();
  });
});
