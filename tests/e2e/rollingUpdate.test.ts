/**
 * A rolling update with a schedule that only the newer version understands, then a rollback, and the update again: three
 * real replicas, replaced one after the other, the leader last.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { eventually } from '../store/support.ts';
import { type RunRecord, strikes, summaryOf, wrongWith } from '../support/accounts.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { NEW_INTERVAL, NEW_INTERVAL_MS, type NextVersion, nextVersion } from '../support/nextVersion.ts';
import { samplesOf } from '../support/prometheus.ts';
import { type Line, ProcessCluster, type ReplicaProcess } from '../../harness/cluster/replicas.ts';

const mongo = await testMongo();
const LATE_MS = 1000;

describe('a rolling update', { skip: mongo.skip, timeout: 120_000 }, () => {
  const database = mongo.database();
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  const runs = client.db(database).collection<RunRecord>('runs');
  /** The occurrences that each schedule owes up to a moment. */
  const owed = new Map<string, (throughMs: number) => number[]>();
  let cluster: ProcessCluster;
  let next: NextVersion;
  let live: ReplicaProcess[];
  let count = 0;

  before(async () => {
    [cluster, next] = await Promise.all([
      ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: database }),
      nextVersion(),
    ]);
    live = [...cluster.replicas];
    await create(live[0]!, 'steady', { type: 'duration', definition: { interval: '500ms' } }, 500);
    await create(live[1]!, 'ticking', { type: 'cron', definition: { cron_expression: '* * * * * *' } }, 1000);
  });

  after(async () => {
    await cluster?.stop();
    await next?.remove();
    await client.close();
    await mongo.stop();
  });

  async function create(by: ReplicaProcess, id: string, timing: object, everyMs: number): Promise<void> {
    const init = { method: 'POST', body: JSON.stringify({ id, ...timing }) };
    const { status, body } = await by.json<{ created_at: string }>('/schedules', init);
    assert.equal(status, 201);
    const createdMs = Date.parse(body.created_at);
    const anchorMs = id === 'ticking' ? 0 : createdMs;
    owed.set(id, (throughMs) => strikes(everyMs, anchorMs, createdMs, throughMs));
  }

  const followers = () => live.filter((replica) => replica !== cluster.leader());
  const isRun = (id: string) => (line: Line) => line.msg === 'running schedule' && line.schedule_id === id;
  const isSetAside = (id: string) => ({ msg, schedule_id }: Line) =>
    msg === 'a schedule is not understood by this version and is set aside' && schedule_id === id;
  const notUnderstood = async (replica: ReplicaProcess) => {
    const text = await (await fetch(`${replica.url}/metrics`)).text();
    return samplesOf(text).scheduler_schedules_not_understood;
  };

  /** Resolves when the old replica has exited, the new one is a follower, and another than the old one leads. */
  async function replace(old: ReplicaProcess, version: 'old' | 'new'): Promise<ReplicaProcess> {
    const led = old === cluster.leader();
    old.process.kill('SIGTERM');
    const script = version === 'new' ? next.script : undefined;
    const replica = await cluster.add(`${version}-${++count}`, {}, script);
    live = [...live.filter((one) => one !== old), replica];
    assert.equal(await old.process.ended, 'exit code 0');
    await replica.said(({ msg }) => msg === 'now follower');
    if (led) await eventually(async () => cluster.leader() === old ? null : true);
    return replica;
  }

  /** One after the other, the leader last. */
  async function replaceAll(version: 'old' | 'new'): Promise<void> {
    const isLeft = (one: ReplicaProcess) => one !== cluster.leader() && !one.id.startsWith(version);
    for (const one of live.filter(isLeft)) await replace(one, version);
    await replace(cluster.leader(), version);
  }

  /** Resolves when the leader has started this many more runs of the schedule. */
  async function fires(id: string, times: number): Promise<void> {
    const leader = cluster.leader();
    for (let n = 0; n < times; n++) await leader.said(isRun(id), leader.lines.length);
  }

  it('an old leader sets aside the new schedules, logs each once, and continues with the rest', async () => {
    const newer = await replace(followers()[0]!, 'new');
    const timing = { type: 'duration', definition: { interval: NEW_INTERVAL } };
    await create(newer, 'newer', timing, NEW_INTERVAL_MS);
    await create(newer, 'doomed', timing, NEW_INTERVAL_MS);
    const old = cluster.leader();
    await Promise.all(['newer', 'doomed'].map((id) => old.said(isSetAside(id))));
    assert.equal(await notUnderstood(old), 2);
    assert.equal(await notUnderstood(newer), 0);
    const listed = (await old.json<{ id: string; not_understood?: string }[]>('/schedules')).body;
    const strange = listed.filter(({ not_understood }) => not_understood !== undefined);
    assert.deepEqual(strange.map(Object.keys), [['id', 'not_understood'], ['id', 'not_understood']]);
    assert.match(strange[0]!.not_understood!, /"d" is not a unit/);
    await Promise.all([fires('steady', 3), fires('ticking', 2)]);

    const { status } = await fetch(`${old.url}/schedules/doomed`, { method: 'DELETE' });
    assert.equal(status, 200);
    owed.delete('doomed');
    await eventually(async () => await notUnderstood(old) === 1 ? true : null);
    assert.equal(old.lines.filter(isSetAside('newer')).length, 1);
    assert.equal(await runs.countDocuments({ schedule_id: { $in: ['newer', 'doomed'] } }), 0);
  });

  it('a new leader catches up on what was owed, and continues', async () => {
    await replaceAll('new');
    await fires('newer', 3);
    const caughtUp = await runs.countDocuments({ schedule_id: 'newer', trigger: 'catch_up' });
    assert.ok(caughtUp > 0, 'occurrences due before it led');
    await fires('steady', 1);
  });

  it('an old leader after a rollback sets it aside again', async () => {
    await replaceAll('old');
    const old = cluster.leader();
    await old.said(isSetAside('newer'));
    assert.equal(await notUnderstood(old), 1);
    await fires('steady', 3);
    const { acquired_at } = (await old.json<{ acquired_at: string }>('/leader')).body;
    const since = { schedule_id: 'newer', scheduled_for: { $gt: new Date(acquired_at) } };
    assert.equal(await runs.countDocuments(since), 0, 'none of its occurrences is claimed');
  });

  it('after the next update each occurrence of each schedule is recorded once', async () => {
    await replaceAll('new');
    await fires('newer', 3);
    const { watermark } = (await cluster.leader().json<{ watermark: string }>('/cluster')).body;
    for (const replica of live) replica.process.kill('SIGTERM');
    for (const { process } of live) assert.equal(await process.ended, 'exit code 0');

    const records = await runs.find({}).sort({ scheduled_for: 1 }).toArray();
    console.log(tableOf(records));
    assert.deepEqual([...new Set(records.map((run) => run.schedule_id))].sort(), [...owed.keys()].sort());
    for (const [id, owes] of owed) {
      const ofIt = records.filter((run) => run.schedule_id === id);
      assert.deepEqual(wrongWith(ofIt, owes, Date.parse(watermark)), [], id);
      assert.deepEqual(ofIt.filter(({ state }) => state !== 'succeeded'), [], id);
    }
    const attempts = cluster.replicas.flatMap((replica) => replica.executed());
    assert.equal(new Set(attempts).size, attempts.length, 'no attempt was executed twice');
    assert.deepEqual(attempts.filter((attempt) => !attempt.endsWith(', 1')), [], 'no run was adopted');
  });

  /** For each term: the leader, and a summary of each schedule's runs. */
  function tableOf(records: readonly RunRecord[]): string {
    const terms = [...new Set(records.map(({ term }) => term))].sort((a, b) => a - b);
    const leaderOf = (term: number) =>
      cluster.replicas.find(({ lines }) =>
        lines.some((line) => line.msg === 'term began' && line.term === term)
      );
    return terms.flatMap((term) =>
      [...owed.keys()].map((id) => {
        const ofIt = records.filter((run) => run.term === term && run.schedule_id === id);
        const name = leaderOf(term)?.id ?? '?';
        return `term ${term}, led by ${name.padEnd(6)} ${id.padEnd(8)} ${summaryOf(ofIt, LATE_MS)}`;
      })
    ).join('\n');
  }
});
