import assert from 'node:assert/strict';
import type { LookupFunction } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { decide, initiateReplicaSet } from '../../../src/infra/mongo/shared/initiate.ts';
import { SET } from '../../../harness/cluster/mongoMember.ts';
import { mongodForSets, MongoSet } from '../../../harness/cluster/mongoSet.ts';

const HOSTS = ['b:1', 'a:1', 'c:1'];
const wanted = { hosts: HOSTS, set: 'rs0' };
const blank = (host: string) => ({ host, kind: 'blank' as const });
const away = (host: string) => ({ host, kind: 'unreachable' as const, why: 'no answer' });
const member = (host: string, more: { set?: string; hosts?: string[]; isPrimary?: boolean } = {}) => (
  { host, kind: 'member' as const, set: 'rs0', hosts: HOSTS, isPrimary: false, ...more }
);

describe('what is done about the members of a replica set', () => {
  it('is to initiate it at always the same one, when all answer and none belongs to a set', () => {
    assert.deepEqual(decide(HOSTS.map(blank), wanted), { kind: 'initiate', at: 'a:1' });
    assert.deepEqual(decide(HOSTS.toReversed().map(blank), wanted), { kind: 'initiate', at: 'a:1' });
  });

  it('is to wait while one does not answer: it may know the set', () => {
    const next = decide([blank('b:1'), away('a:1'), blank('c:1')], wanted);
    assert.deepEqual(next, {
      kind: 'wait',
      what: 'waiting for members to answer',
      fields: { away: ['a:1: no answer'] },
    });
  });

  it('is nothing but to wait for a primary, when one of them knows the set, whatever the others have lost', () => {
    assert.equal(decide([blank('b:1'), member('a:1'), blank('c:1')], wanted).kind, 'wait');
    assert.equal(decide([away('b:1'), member('a:1'), away('c:1')], wanted).kind, 'wait');
    const next = decide([away('b:1'), member('a:1', { isPrimary: true }), member('c:1')], wanted);
    assert.deepEqual(next, { kind: 'done', primary: 'a:1' });
  });

  it('is to say that they belong to another one', () => {
    const strangers = member('a:1', { hosts: ['a:1', 'z:1'] });
    assert.throws(
      () => decide([strangers], wanted),
      /a:1 belongs to the replica set rs0 of a:1, z:1; MONGO_URI says/,
    );
    assert.throws(
      () => decide([member('a:1', { set: 'other' })], wanted),
      /belongs to the replica set other of/,
    );
  });
});

describe('a MongoDB URI to initiate', () => {
  const initiate = (uri: string) =>
    initiateReplicaSet({ uri, clock: systemClock(), logger: silent([]), limitMs: 1000 });

  it('has to name the members and the set', async () => {
    await assert.rejects(initiate('mongodb://a,b/'), /MONGO_URI names no replica set: it must end as in/);
    await assert.rejects(initiate('mongodb+srv://a/'), /its replica set already exists/);
    await assert.rejects(initiate(''), /^Error: MONGO_URI \(not shown here\): the scheme/);
  });
});

describe('a member whose name is not known yet', () => {
  it('is asked again once it is', async () => {
    let isKnown = false;
    const said: string[] = [];
    const info = (_: string, fields: Record<string, unknown> = {}) => {
      said.push(`${fields.away}`);
      isKnown = true;
    };
    const lookup = ((_host, _options, done) => {
      if (isKnown) done(null, [{ address: '127.0.0.1', family: 4 }]);
      else done(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), []);
    }) as LookupFunction;
    const uri = 'mongodb://mongo-0.mongo:1/?replicaSet=rs0';
    const logger = { ...silent([]), info };
    const driver = { lookup, autoSelectFamily: true, serverSelectionTimeoutMS: 100 };
    await assert.rejects(initiateReplicaSet({ uri, clock: systemClock(), logger, limitMs: 200, driver }));
    assert.match(said[0] as string, /ENOTFOUND/);
    assert.match(said.at(-1) as string, /ECONNREFUSED/);
  });
});

const { binary, skip } = await mongodForSets();

describe('real members', { skip }, () => {
  let set: MongoSet;
  before(async () => set = await MongoSet.prepare(binary));
  after(async () => await set?.stop());

  const initiate = (lines: string[]) =>
    initiateReplicaSet({ uri: set.uri, clock: systemClock(), logger: silent(lines), limitMs: 120_000 });

  it('become one set, by three processes at the same time that were there before the last member', async () => {
    const [first, second, third] = set.members;
    await Promise.all([first!.start(), second!.start()]);
    const said: string[] = [];
    let waiting = () => {};
    const waits = new Promise<void>((resolve) => waiting = resolve);
    said.push = (...lines) => {
      if (lines.some((line) => line === 'waiting for members to answer')) waiting();
      return Array.prototype.push.apply(said, lines);
    };
    const all = [1, 2, 3].map(() => initiate(said));
    await waits;
    await third!.start();
    await Promise.all(all);
    assert.equal(said.filter((line) => line === 'initiated').length, 1);
    const { config } = await set.admin({ replSetGetConfig: 1 });
    assert.equal(config._id, SET);
    assert.deepEqual(
      config.members.map(({ host }: { host: string }) => host),
      set.members.map(({ host }) => host),
    );
  });

  it('stay as they are when they are asked again', async () => {
    const { config: before } = await set.admin({ replSetGetConfig: 1 });
    const said: string[] = [];
    await initiate(said);
    assert.deepEqual(said, ['the replica set has a primary']);
    const { config: after } = await set.admin({ replSetGetConfig: 1 });
    assert.deepEqual([after.version, after.members.length], [before.version, 3]);
  });
});

function silent(lines: string[]) {
  const log = (message: string) => void lines.push(message);
  return { debug: log, info: log, warn: log, error: log };
}
