/**
 * A MongoDB replica set of three real members on 127.0.0.1, with quick elections and failpoints. Replicas
 * reach it through proxies: see mongoRoute.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Document, MongoClient } from 'mongodb';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { findMongod } from '../../src/local/mongod/find.ts';
import { memberPorts, MongoMember, SET, until } from './mongoMember.ts';

const SETTINGS = { electionTimeoutMillis: 2000, heartbeatIntervalMillis: 500, catchUpTimeoutMillis: 5000 };
const PRIMARY = 1;
const SECONDARY = 2;

export class MongoSet {
  readonly members: readonly MongoMember[];
  /** Connects directly, without proxies. */
  readonly client: MongoClient;
  readonly uri: string;
  readonly #dir: string;

  private constructor(members: readonly MongoMember[], dir: string) {
    this.members = members;
    this.#dir = dir;
    this.uri = uriOf(members.map(({ host }) => host));
    this.client = new MongoClient(this.uri, { serverSelectionTimeoutMS: 20_000, socketTimeoutMS: 10_000 });
  }

  /** The members, neither started nor initiated. */
  static async prepare(binary: string): Promise<MongoSet> {
    const dir = await mkdtemp(join(tmpdir(), 'hascheduler-set-'));
    const ports = await memberPorts(3);
    return new MongoSet(ports.map((port, i) => new MongoMember(binary, port, join(dir, `m${i}`))), dir);
  }

  static async start(binary: string): Promise<MongoSet> {
    const set = await MongoSet.prepare(binary);
    await set.startMembers();
    await set.initiate();
    return set;
  }

  async startMembers(): Promise<void> {
    await Promise.all(this.members.map((member) => member.start()));
  }

  async initiate(): Promise<void> {
    const direct = new MongoClient(`mongodb://${this.members[0]!.host}/?directConnection=true`);
    const members = this.members.map(({ host }, _id) => ({ _id, host }));
    await direct.db('admin').command({ replSetInitiate: { _id: SET, members, settings: SETTINGS } });
    await direct.close();
    await this.healthy();
  }

  async primary(): Promise<MongoMember> {
    const { me } = await this.admin({ hello: 1 });
    return this.members.find(({ host }) => host === me) as MongoMember;
  }

  async secondaries(): Promise<MongoMember[]> {
    const primary = await this.primary();
    return this.members.filter((member) => member !== primary);
  }

  admin(command: Document): Promise<Document> {
    return this.client.db('admin').command(command);
  }

  /** Steps the primary down; it waits for a secondary to catch up. */
  async stepDown(): Promise<void> {
    await this.admin({ replSetStepDown: 10, secondaryCatchUpPeriodSecs: 5 });
  }

  /** Resolves when the member says that it is not the primary, or does not answer. */
  async notPrimary({ host }: MongoMember): Promise<void> {
    const options = { directConnection: true, serverSelectionTimeoutMS: 500 };
    const direct = new MongoClient(`mongodb://${host}/`, options);
    const hello = () => direct.db('admin').command({ hello: 1 }).catch(() => null);
    await until(async () => (await hello())?.isWritablePrimary !== true);
    await direct.close();
  }

  /** Resolves when one member is the primary, and all others are secondaries. */
  async healthy(): Promise<void> {
    await until(async () => {
      const status = await this.admin({ replSetGetStatus: 1 }).catch(() => null);
      const states: number[] = status?.members.map((member: Document) => member.state) ?? [];
      return states.includes(PRIMARY) && states.every((state) => [PRIMARY, SECONDARY].includes(state));
    });
  }

  async stop(): Promise<void> {
    await this.client.close();
    await Promise.all(this.members.map((member) => member.signal('SIGKILL')));
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** The binary for members, or the reason when there is none; rejects in CI when there is none. */
export async function mongodForSets(): Promise<{ binary: string; skip: string | false }> {
  const found = await findMongod({ clock: systemClock(), log: () => {} });
  if (found.binary !== null) return { binary: found.binary, skip: false };
  const reason = `no mongod: ${found.tried.join('; ')}`;
  if (process.env.CI === 'true') throw new Error(reason);
  console.error(`skipped: ${reason}`);
  return { binary: '', skip: reason };
}

export function uriOf(hosts: readonly string[]): string {
  return `mongodb://${hosts.join(',')}/?replicaSet=${SET}`;
}
