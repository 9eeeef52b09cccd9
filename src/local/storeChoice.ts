import type { Clock } from '../actors/shared/environment.ts';
import type { ClusterOptions } from './cluster.ts';
import { findMongod } from './mongod/find.ts';
import type { Output } from './output.ts';

/** The number of replicas of a cluster with a MongoDB. */
export const REPLICAS = 3;

/** The store, and the number of replicas that can share it: MONGO_URI, else a mongod, else memory. */
export async function chooseStore(
  env: NodeJS.ProcessEnv,
  clock: Clock,
  out: Output,
): Promise<Pick<ClusterOptions, 'store' | 'replicaCount'>> {
  const uri = env.MONGO_URI;
  if (uri) {
    if (!uri.startsWith('memory:')) return { store: { uri }, replicaCount: REPLICAS };
    out.say(
      'MONGO_URI is memory: — starting one replica, since processes can’t share memory. All data are lost when it ends.',
    );
    return { store: { uri }, replicaCount: 1 };
  }
  const found = await findMongod({ env, clock, log: out.say });
  if (found.binary !== null) {
    out.say(`mongod: ${found.binary} (${found.how})`);
    return { store: { mongodBinary: found.binary }, replicaCount: REPLICAS };
  }
  out.say(
    `No mongod was found:\n${found.tried.map((sentence) => `  - ${sentence}`).join('\n')}\n` +
      'Starting ONE replica with its data in memory instead: the API works, but no other replica can take over, and ' +
      'all data are lost when it ends. For a full cluster, install MongoDB 5.0 or newer, or set MONGOD_BINARY or ' +
      'MONGO_URI.',
    'warn',
  );
  return { store: { uri: 'memory:' }, replicaCount: 1 };
}
