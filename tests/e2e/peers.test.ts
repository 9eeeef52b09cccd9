/**
 * Liveness connections between three real processes: behind a load balancer's address, without a configured address,
 * with many idle connections of strangers, and with different lease settings.
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

interface ClusterView {
  term: number;
  warnings: string[];
  replicas: { id: string; address: string; warnings: string[] }[];
}

const LIMIT = { timeout: 120_000 };

const read = async <T>(replica: ReplicaProcess, path: string): Promise<T> =>
  (await replica.json<T>(path)).body;

/** Resolves when all of these watch the leader's process. */
async function watched(replicas: readonly ReplicaProcess[]): Promise<void> {
  for (const { url } of replicas) {
    await eventually(async () => {
      const samples = samplesOf(await (await fetch(`${url}/metrics`)).text());
      return samples['scheduler_leader_watched'] === 1 || null;
    });
  }
}

/** The term of the lease, which may not be in the history of terms yet. */
const currentTerm = async (replica: ReplicaProcess): Promise<number> =>
  (await read<ClusterView>(replica, '/cluster')).term;

/** A later term than this one, once it is in the history. */
function termAfter(term: number, replica: ReplicaProcess): Promise<Term> {
  return eventually(async () =>
    (await read<Term[]>(replica, '/leadership')).find((it) => it.term > term) ?? null
  );
}

/** Not at once: the first check was made before the balancer had any target. */
async function assertWarnedOfBalancer(leader: ReplicaProcess): Promise<void> {
  const expected = /^ADDRESS is http:.*: several replicas answer at that address, as behind a load balancer/;
  const view = await eventually(async () => {
    const view = await read<ClusterView>(leader, '/cluster');
    const isWarned = view.replicas.every(({ warnings }) => warnings.some((each) => expected.test(each)));
    return isWarned ? view : null;
  });
  for (const { id, warnings } of view.replicas) {
    for (const warning of warnings) assert.ok(view.warnings.includes(`${id}: ${warning}`));
  }
}

/** Kills the leader's process; returns how the next term began. */
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
    'with the address of a load balancer warn about it, and do not depose a live leader',
    LIMIT,
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
        await assertWarnedOfBalancer(leader);
        // A separate warning: the followers can't watch the leader at that address.
        for (const replica of cluster.replicas.filter((each) => each !== leader)) {
          await replica.said(({ msg }) =>
            msg.startsWith(`the leader's process (${leader.id}) can't be watched`)
          );
        }
        const [newest] = await read<Term[]>(leader, '/leadership');
        assert.equal(newest?.term, term, 'the first leader still leads');
        assert.equal(cluster.leader(), leader);
      } finally {
        await end();
        await balancer.close();
      }
    },
  );

  it('without an address, on all interfaces, reach one another', LIMIT, async () => {
    const { cluster, end } = await clusterOf({ HOST: '0.0.0.0', ADDRESS: '' });
    try {
      await watched(cluster.replicas);
      const { replicas } = await read<ClusterView>(cluster.leader(), '/cluster');
      for (const { address, warnings } of replicas) {
        assert.doesNotMatch(address, /0\.0\.0\.0/);
        assert.deepEqual(warnings, []);
      }
      assert.equal(await afterKill(cluster), 'pre-empted');
    } finally {
      await end();
    }
  });

  it('watch their leader while strangers hold all connections that they can get', LIMIT, async () => {
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
      // The next leader is watched only after the strangers have connected.
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

  it('warn about different lease settings', LIMIT, async () => {
    const { cluster, end } = await clusterOf({});
    try {
      const odd = await cluster.add('odd', { LEASE_DURATION: '9s' });
      const isWarning = ({ msg }: { msg: string }) => /^replicas have different lease settings: /.test(msg);
      const { msg } = await odd.said(isWarning);
      assert.match(msg, /LEASE_DURATION=3s LEASE_RETRY_PERIOD=300ms LEASE_MARGIN=500ms on r1, r2, r3/);
      assert.match(msg, /LEASE_DURATION=9s .* on odd/);
      await cluster.leader().said(isWarning);
      assert.ok(
        (await read<ClusterView>(cluster.leader(), '/cluster')).warnings.some((each) =>
          isWarning({ msg: each })
        ),
      );
      odd.process.kill('SIGTERM');
      await odd.process.ended;
      assert.deepEqual((await read<ClusterView>(cluster.leader(), '/cluster')).warnings, []);
      await cluster.leader().said(({ msg, topic }) =>
        msg === 'a warning is resolved' && topic === 'lease settings'
      );
    } finally {
      await end();
    }
  });
});
