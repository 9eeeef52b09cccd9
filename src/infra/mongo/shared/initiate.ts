/**
 * Initiates the members of a connection string as one replica set, once. Any number of processes
 * may do so concurrently, and again later: an existing set is left as it is. A member that lost its
 * data does not cause a second set, since one member that knows the set is enough to leave it
 * alone.
 */
import { type MongoClient, type MongoClientOptions, MongoServerError } from 'mongodb';
import type { Clock, Logger } from '../../../actors/shared/environment.ts';
import { wait } from '../../../actors/shared/wait.ts';
import { mongoClient } from './client.ts';
import { driverUri } from './uri.ts';

const LOOK_EVERY_MS = 250;
/** Timeout of one command to one member. */
const ANSWER_LIMIT_MS = 2_000;

const NO_REPLICATION_ENABLED = 76;
const NOT_YET_INITIALIZED = 94;

export interface InitiateOptions {
  /** Names all members, and the set: `mongodb://a,b,c/?replicaSet=rs0`. */
  uri: string;
  clock: Clock;
  logger: Logger;
  /** Time for members to answer and to elect their primary, in all. */
  limitMs: number;
  /** More driver options. */
  driver?: MongoClientOptions;
}

/** State of one member, as it reports it. */
type Member =
  | { host: string; kind: 'unreachable'; why: string }
  | { host: string; kind: 'blank' }
  | { host: string; kind: 'member'; set: string; hosts: string[]; isPrimary: boolean };

/**
 * Resolves when the set has a primary. Rejects with a sentence when the URI names no set, when the
 * members belong to another one, or after `limitMs`.
 */
export async function initiateReplicaSet(
  { uri, clock, logger, limitMs, driver = {} }: InitiateOptions,
): Promise<void> {
  const { hosts, set } = targetOf(uri);
  const clients = new Map(hosts.map((host) => [host, directClient(uri, host, driver)]));
  const deadlineMs = clock.monotonic() + limitMs;
  let said = '';
  const say = (what: string, fields: Record<string, unknown> = {}) => {
    const saying = `${what} ${JSON.stringify(fields)}`;
    if (saying !== said) logger.info(what, fields);
    said = saying;
  };
  try {
    for (;;) {
      const members = await Promise.all(hosts.map((host) => ask(host, clients.get(host) as MongoClient)));
      const next = decide(members, { hosts, set });
      if (next.kind === 'done') return say('the replica set has a primary', { set, primary: next.primary });
      if (next.kind === 'initiate') {
        say('no member belongs to a replica set yet: initiating it', { set, hosts });
        const refusal = await initiate(clients.get(next.at) as MongoClient, set, hosts);
        say(
          refusal === null ? 'initiated' : 'not initiated; checking again',
          refusal ? { why: refusal } : { set },
        );
      } else say(next.what, next.fields);
      if (clock.monotonic() > deadlineMs) {
        throw new Error(
          `The replica set ${set} has no primary after ${limitMs / 1000} s. ${described(members)}`,
        );
      }
      await wait(clock, LOOK_EVERY_MS);
    }
  } finally {
    await Promise.all([...clients.values()].map((client) => client.close()));
  }
}

type Next =
  | { kind: 'done'; primary: string }
  | { kind: 'initiate'; at: string }
  | { kind: 'wait'; what: string; fields: Record<string, unknown> };

/** The next step for the members as they are. Throws when waiting can't help. */
export function decide(members: readonly Member[], wanted: { hosts: readonly string[]; set: string }): Next {
  for (const member of members) {
    if (member.kind !== 'member') continue;
    const strangers = member.hosts.filter((host) => !wanted.hosts.includes(host));
    if (member.set !== wanted.set || strangers.length > 0) {
      throw new Error(
        `${member.host} belongs to the replica set ${member.set} of ${member.hosts.join(', ')}; ` +
          `MONGO_URI says ${wanted.set} of ${wanted.hosts.join(', ')}: correct one of the two.`,
      );
    }
    if (member.isPrimary) return { kind: 'done', primary: member.host };
  }
  if (members.some(({ kind }) => kind === 'member')) {
    return { kind: 'wait', what: 'the replica set is there; waiting for its primary', fields: {} };
  }
  const away = members.flatMap((member) =>
    member.kind === 'unreachable' ? [`${member.host}: ${member.why}`] : []
  );
  if (away.length > 0) return { kind: 'wait', what: 'waiting for members to answer', fields: { away } };
  // Always the same member, which does it once: of concurrent requests, all but one are refused.
  return { kind: 'initiate', at: wanted.hosts.toSorted()[0] as string };
}

/** Null on success, else the reason: another process was first, or members don't see one another yet. */
async function initiate(client: MongoClient, set: string, hosts: readonly string[]): Promise<string | null> {
  const members = hosts.map((host, _id) => ({ _id, host }));
  try {
    await client.db('admin').command({ replSetInitiate: { _id: set, members } });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

async function ask(host: string, client: MongoClient): Promise<Member> {
  const admin = client.db('admin');
  try {
    // Without this, a client whose first call failed on an unknown host name stays dead.
    await client.connect();
    const { config } = await admin.command({ replSetGetConfig: 1 });
    const { isWritablePrimary } = await admin.command({ hello: 1 });
    const hosts = config.members.map((member: { host: string }) => member.host);
    return { host, kind: 'member', set: config._id, hosts, isPrimary: isWritablePrimary };
  } catch (error) {
    const code = error instanceof MongoServerError ? error.code : undefined;
    if (code === NOT_YET_INITIALIZED) return { host, kind: 'blank' };
    if (code === NO_REPLICATION_ENABLED) {
      throw new Error(`${host} is a standalone server: start it with --replSet.`, { cause: error });
    }
    return { host, kind: 'unreachable', why: (error as Error).message };
  }
}

/** Members and set name in a connection string. */
function targetOf(uri: string): { hosts: string[]; set: string } {
  if (uri.startsWith('mongodb+srv:')) {
    throw new Error(
      'MONGO_URI is of the form mongodb+srv: its replica set already exists, so there is nothing to initiate.',
    );
  }
  const { options } = targetClient(uri);
  if (!options.replicaSet) {
    throw new Error('MONGO_URI names no replica set: it must end as in mongodb://a,b,c/?replicaSet=rs0.');
  }
  return { hosts: options.hosts.map((host) => host.toString()), set: options.replicaSet };
}

function targetClient(uri: string): MongoClient {
  try {
    return mongoClient(uri);
  } catch (error) {
    throw new Error(`MONGO_URI (not shown here): ${(error as Error).message}`);
  }
}

/** Connects to this member alone, whatever its set, and otherwise as the URI says. */
function directClient(uri: string, host: string, driver: MongoClientOptions): MongoClient {
  const [, user = '', rest = ''] = /^mongodb:\/\/([^/@]*@)?[^/?]*(.*)$/s.exec(driverUri(uri)) ?? [];
  const [path = '', query = ''] = rest.split('?');
  const options = query.split('&').filter((option) => !/^(replicaSet|directConnection)=|^$/i.test(option));
  return mongoClient(
    `mongodb://${user}${host}${path || '/'}?${[...options, 'directConnection=true'].join('&')}`,
    {
      ...driver,
      serverSelectionTimeoutMS: ANSWER_LIMIT_MS,
      connectTimeoutMS: ANSWER_LIMIT_MS,
      socketTimeoutMS: 30_000,
      ...driver,
    },
  );
}

function described(members: readonly Member[]): string {
  return members.map((member) => {
    if (member.kind === 'unreachable') return `${member.host} does not answer (${member.why}).`;
    return member.kind === 'blank' ? `${member.host} belongs to no set.` : `${member.host} is a member.`;
  }).join(' ');
}
