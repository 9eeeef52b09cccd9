/**
 * Three real processes and a real MongoDB, whose liveness connections meet what networks and strangers do: an address
 * that leads to all of them, none that was given, and idle connections without end.
 */
import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { after, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { eventually } from '../store/support.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { samplesOf } from '../support/prometheus.ts';
import { ProcessCluster, type ReplicaProcess } from '../../harness/cluster/replicas.ts';
import { TcpProxy } from '../../harness/cluster/tcpProxy.ts';

const mongo = await testMongo();
after(() => mongo.stop());

interface Term {
  term: number;
  began_by: string;
  replica: string;
}

interface Shown {
  term: number;
  warnings: string[];
  replicas: { id: string; address: string; warnings: string[] }[];
}

const BOUNDED = { timeout: 120_000 };

const read = async <T>(replica: ReplicaProcess, path: string): Promise<T> =>
  (await replica.json<T>(path)).body;

/** Resolves when all of these say that they would notice at once that the leader's process dies. */
async function watched(replicas: readonly ReplicaProcess[]): Promise<void> {
  for (const { url } of replicas) {
    await eventually(async () => {
      const samples = samplesOf(await (await fetch(`${url}/metrics`)).text());
      return samples['scheduler_leader_watched'] === 1 || null;
    });
  }
}

/** The term of the lease: it counts before the leader has recorded that it began. */
const currentTerm = async (replica: ReplicaProcess): Promise<number> =>
  (await read<Shown>(replica, '/cluster')).term;

/** The first term after this one, once it is recorded. */
function termAfter(term: number, replica: ReplicaProcess): Promise<Term> {
  return eventually(async () =>
    (await read<Term[]>(replica, '/leadership')).find((it) => it.term > term) ?? null
  );
}

/** Kills the leader's process; says how the next term began. */
async function afterKill(cluster: ProcessCluster): Promise<string> {
  const old = cluster.leader();
  const [other] = cluster.replicas.filter((replica) => replica !== old) as [ReplicaProcess];
  const term = await currentTerm(other);
  old.process.kill('SIGKILL');
  return (await termAfter(term, other)).began_by;
}

describe('three replicas', { skip: mongo.skip }, () => {
  async function clusterOf(
    env: Record<string, string>,
  ): Promise<{ cluster: ProcessCluster; end(): Promise<void> }> {
    const database = mongo.database();
    const cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: database, ...env });
    return {
      cluster,
      async end() {
        await cluster.stop();
        const client = new MongoClient(mongo.uri);
        await client.db(database).dropDatabase();
        await client.close();
      },
    };
  }

  it(
    'with the address of a load balancer say so, and do not depose a leader that lives',
    BOUNDED,
    async () => {
      const ports: number[] = [];
      let connections = 0;
      const balancer = await TcpProxy.open(() => ports[connections++ % ports.length] ?? 1);
      const { cluster, end } = await clusterOf({ ADDRESS: `http://127.0.0.1:${balancer.port}` });
      try {
        ports.push(...cluster.replicas.map(({ url }) => Number(new URL(url).port)));
        const leader = cluster.leader();
        const { term } = await termAfter(0, leader);
        for (let round = 0; round < 10; round++) {
          balancer.set('cut');
          balancer.set('open');
          const before = connections;
          await eventually(() => Promise.resolve(connections >= before + 4 || null));
        }
        // The first check was made before the balancer had anywhere to go: the next one finds out.
        const isIt =
          /^ADDRESS is http:.*: several replicas answer at that address, as behind a load balancer/;
        const warned = await eventually(async () => {
          const shown = await read<Shown>(leader, '/cluster');
          return shown.replicas.every(({ warnings }) => warnings.some((each) => isIt.test(each)))
            ? shown
            : null;
        });
        for (const { id, warnings } of warned.replicas) {
          for (const warning of warnings) assert.ok(warned.warnings.includes(`${id}: ${warning}`));
        }
        // The followers can't watch the leader there: a word of its own.
        for (const replica of cluster.replicas.filter((each) => each !== leader)) {
          await replica.said(({ msg }) =>
            msg.startsWith(`the leader's process (${leader.id}) can't be watched`)
          );
        }
        assert.equal(
          (await read<Term[]>(leader, '/leadership'))[0]?.term,
          term,
          'the first leader leads all the time',
        );
        assert.equal(cluster.leader(), leader);
      } finally {
        await end();
        await balancer.close();
      }
    },
  );

  it('without an address, on all interfaces, are reached by one another', BOUNDED, async () => {
    const { cluster, end } = await clusterOf({ HOST: '0.0.0.0', ADDRESS: '' });
    try {
      await watched(cluster.replicas);
      const { replicas } = await read<Shown>(cluster.leader(), '/cluster');
      for (const { address, warnings } of replicas) {
        assert.doesNotMatch(address, /0\.0\.0\.0/);
        assert.deepEqual(warnings, []);
      }
      assert.equal(await afterKill(cluster), 'pre-empted');
    } finally {
      await end();
    }
  });

  it('watch their leader although strangers hold all connections that they can get', BOUNDED, async () => {
    const { cluster, end } = await clusterOf({});
    const strangers = new Set<IncomingMessage>();
    const idle = ({ url }: ReplicaProcess) =>
      new Promise<void>((resolve, reject) => {
        get(`${url}/liveness`, { agent: false }, (answer) => {
          strangers.add(answer.on('error', () => {}).resume());
          resolve();
        }).on('error', reject);
      });
    try {
      for (let i = 0; i < 64; i++) await Promise.all(cluster.replicas.map(idle));
      // Whoever leads next is met by the others when the strangers are there already.
      const term = await currentTerm(cluster.leader());
      await cluster.leader().json('/leader/step-down', { method: 'POST' });
      await termAfter(term, cluster.leader());
      await watched(cluster.replicas);
      assert.equal(await afterKill(cluster), 'pre-empted');
    } finally {
      for (const answer of strangers) answer.destroy();
      await end();
    }
  });

  it('say that one of them has another lease timing', BOUNDED, async () => {
    const { cluster, end } = await clusterOf({});
    try {
      const odd = await cluster.add('odd', { LEASE_DURATION: '9s' });
      const isIt = ({ msg }: { msg: string }) => /^replicas have different lease settings: /.test(msg);
      const { msg } = await odd.said(isIt);
      assert.match(msg, /LEASE_DURATION=3s LEASE_RETRY_PERIOD=300ms LEASE_MARGIN=500ms on r1, r2, r3/);
      assert.match(msg, /LEASE_DURATION=9s .* on odd/);
      await cluster.leader().said(isIt);
      assert.ok(
        (await read<Shown>(cluster.leader(), '/cluster')).warnings.some((each) => isIt({ msg: each })),
      );
      odd.process.kill('SIGTERM');
      await odd.process.ended;
      assert.deepEqual((await read<Shown>(cluster.leader(), '/cluster')).warnings, []);
      await cluster.leader().said(({ msg, topic }) =>
        msg === 'a warning is resolved' && topic === 'lease settings'
      );
    } finally {
      await end();
    }
  });
});
