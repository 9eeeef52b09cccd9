import { MongoClient, MongoServerError } from 'mongodb';

/** Calls a function until it returns a value; rejects when the mongod has ended or time is up. */
export type Poll = <T>(read: () => Promise<T | null>) => Promise<T>;

interface ReplicaSetConfig {
  version: number;
  members: { host: string }[];
}

/**
 * Makes the server the only member of a replica set, under its present address, and waits until it is the
 * primary.
 */
export async function becomePrimary(
  uri: string,
  host: string,
  replicaSet: string,
  poll: Poll,
): Promise<void> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 5_000 });
  try {
    const admin = client.db('admin');
    const config = await poll(() => storedConfig(client));
    if (config === 'none') {
      await admin.command({ replSetInitiate: { _id: replicaSet, members: [{ _id: 0, host }] } });
    } else if (config.members.length !== 1 || config.members[0]?.host !== host) {
      // It ran on another port the last time. The set has no other member, so force is safe.
      const reconfigured = {
        ...config,
        version: config.version + 1,
        members: [{ ...config.members[0], _id: 0, host }],
      };
      await admin.command({ replSetReconfig: reconfigured, force: true });
    }
    await poll(async () => (await admin.command({ hello: 1 })).isWritablePrimary ? true : null);
  } finally {
    await client.close();
  }
}

/** The replica set's configuration, 'none' before the first one, null while mongod is still reading it. */
async function storedConfig(client: MongoClient): Promise<ReplicaSetConfig | 'none' | null> {
  try {
    return (await client.db('admin').command({ replSetGetConfig: 1 })).config;
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    return error.codeName === 'NotYetInitialized' ? 'none' : null;
  }
}
