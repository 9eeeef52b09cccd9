/** A client of the event stream of three real replicas, through the front door, while replicas are killed or stop. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import type { FrontDoor } from '../../src/local/door/frontDoor.ts';
import { frontDoorOf } from '../../harness/cluster/frontDoor.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { ProcessCluster, type ReplicaProcess } from '../../harness/cluster/replicas.ts';
import { readEvents, type SentEvent } from '../support/sse.ts';
import { Watcher } from '../support/watcher.ts';

const mongo = await testMongo();

describe('a client of the events, while replicas die', { skip: mongo.skip }, () => {
  const database = mongo.database();
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  const runs = client.db(database).collection<{ _id: string; state: string }>('runs');
  let cluster: ProcessCluster;
  let door: FrontDoor;
  const watchers: Watcher[] = [];

  before(async () => {
    cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
    door = await frontDoorOf(cluster.replicas, 50);
  });

  after(async () => {
    for (const watcher of watchers) watcher.end();
    await door?.close();
    await cluster?.stop();
    await client.close();
    await mongo.stop();
  });

  function watch(query = ''): Watcher {
    const watcher = new Watcher(`http://127.0.0.1:${door.port}/events${query}`);
    watchers.push(watcher);
    return watcher;
  }

  async function create(id: string, replica: ReplicaProcess): Promise<void> {
    const body = JSON.stringify({ id, type: 'duration', definition: { interval: '20ms' } });
    assert.equal((await replica.json('/schedules', { method: 'POST', body })).status, 201);
  }

  const dead = new Set<ReplicaProcess>();
  const alive = () => cluster.replicas.filter((replica) => !dead.has(replica));
  const kill = (replica: ReplicaProcess) => {
    dead.add(replica);
    replica.process.kill('SIGKILL');
  };
  const replicaOf = (id: string) => cluster.replicas.find((replica) => replica.id === id) as ReplicaProcess;
  const runsOf = (events: readonly SentEvent[], id: string) =>
    events.filter(({ event, data }) => event === 'run' && data.schedule_id === id);

  it('gets each event once', async () => {
    const watcher = watch();
    const first = await watcher.connected(1);
    const survivor = cluster.replicas.find(({ id }) => id !== first) as ReplicaProcess;
    await create('steady', survivor);
    await watcher.until((events) => runsOf(events, 'steady').length > 20);
    kill(replicaOf(first));
    await watcher.connected(2);
    const soFar = runsOf(watcher.events, 'steady').length;
    await watcher.until((events) => runsOf(events, 'steady').length > soFar + 20);
    // Also without a failure: the replica resends from its own buffer.
    watcher.reconnect();
    await watcher.connected(3);
    assert.equal((await survivor.json('/schedules/steady', { method: 'DELETE' })).status, 200);
    await watcher.until((events) =>
      events.some(({ data }) => data.change === 'deleted' && data.id === 'steady')
    );

    let docs = await runs.find({ schedule_id: 'steady' }).toArray();
    while (docs.some(({ state }) => state === 'claimed')) {
      docs = await runs.find({ schedule_id: 'steady' }).toArray();
    }
    await watcher.until((events) => runsOf(events, 'steady').length >= docs.length);
    assert.deepEqual(
      runsOf(watcher.events, 'steady').map(({ data }) => data.id).toSorted(),
      docs.map(({ _id }) => _id).toSorted(),
      'one event for each run',
    );
    const ids = watcher.events.map(({ id }) => id as string);
    assert.deepEqual(ids.toSorted(), ids, 'in the order of their ids');
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(watcher.events.some(({ event }) => event === 'resync'), false);
  });

  it('gets the same events from every replica', async () => {
    const [early] = watchers as [Watcher];
    const after = early.hellos[0]?.id;
    const count = early.events.length;
    for (const replica of alive()) {
      const response = await fetch(`${replica.url}/events?after=${after}`);
      const stream = readEvents(response.body as ReadableStream<Uint8Array>);
      const [hello, ...events] = await stream.take(1 + count);
      assert.deepEqual([hello?.event, hello?.id], ['hello', after]);
      assert.deepEqual(events.map(({ id }) => id), early.events.slice(0, count).map(({ id }) => id));
      await stream.cancel();
    }
  });

  it('sees a takeover: the lease, the terms, the transitions of the new leader, and the lost replica', async () => {
    await cluster.add('r4');
    const watcher = watch('?types=leader,leadership,replica');
    await watcher.connected(1);
    const { body: lease } = await (alive()[0] as ReplicaProcess).json<{ replica: string; term: number }>(
      '/leader',
    );
    kill(replicaOf(lease.replica));
    const has = (name: string, fits: (data: SentEvent['data']) => boolean) =>
      watcher.until((events) => events.find(({ event, data }) => event === name && fits(data)));
    const taken = await has('leader', ({ term }) => term === lease.term + 1);
    assert.equal(taken.data.by, 'pre-empted');
    const ended = await has('leadership', ({ term, ended_by }) => term === lease.term && ended_by !== null);
    assert.equal(ended.data.replica, lease.replica);
    const began = await has('leadership', ({ term }) => term === lease.term + 1);
    assert.deepEqual([began.data.replica, typeof began.data.gap_ms], [taken.data.leader, 'number']);
    const steps = await has(
      'replica',
      ({ replica, transitions }) =>
        replica.id === taken.data.leader && transitions.some(({ to }: { to: string }) => to === 'leader'),
    );
    assert.equal(steps.data.change, 'role');
    const path = steps.data.transitions.map(({ from, to }: { from: string; to: string }) => `${from} ${to}`);
    assert.equal(path.at(-1), 'candidate leader');

    const lost = await has(
      'replica',
      ({ change, replica }) => change === 'lost' && replica.id === lease.replica,
    );
    assert.equal(lost.data.replica.lost_at, lost.data.replica.last_seen);
    const { body } = await (alive()[0] as ReplicaProcess).json<{
      replicas: { id: string; lost_at: string | null; transitions: unknown[] }[];
    }>('/cluster');
    const shown = body.replicas.find(({ id }) => id === lease.replica);
    assert.equal(shown?.lost_at, lost.data.replica.lost_at);
  });

  it('is disconnected at once by a replica that stops, and the others see it leave', async () => {
    await Promise.all([cluster.add('r5'), cluster.add('r6')]);
    const [stays, leaves] = alive().slice(-2) as [ReplicaProcess, ReplicaProcess];
    await Promise.all([stays, leaves].map((replica) => replica.said(({ msg }) => msg === 'now follower')));
    const open = async ({ url }: ReplicaProcess) =>
      readEvents((await fetch(`${url}/events?types=replica`)).body as ReadableStream<Uint8Array>);
    const [watching, ending] = [await open(stays), await open(leaves)];
    await Promise.all([watching.next(), ending.next()]);
    dead.add(leaves);
    leaves.process.kill('SIGTERM');
    await ending.rest();
    const late = await fetch(`${leaves.url}/events`).then((response) => response.text(), () => 'gone');
    assert.match(late, /stopping|gone/);
    for (;;) {
      const { event, data } = await watching.next();
      if (event === 'replica' && data.change === 'left' && data.replica.id === leaves.id) break;
    }
    await watching.cancel();
  });
});
