/** Writes that MongoDB refuses, such as on a full disk, and a MongoDB that does not answer. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { StoreRefused, StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import type { Outcome } from '../../../src/domain/runs/outcome.ts';
import { mongoStore } from '../../../src/infra/mongo/store.ts';
import { systemRandom } from '../../../src/infra/machine/random.ts';
import { failCommand } from '../mongoDatabase.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { announcement } from '../../support/replicas.ts';
import { NO_MARK } from '../../support/leases.ts';
import { batch, committed, create, LONG_MS, replace, request } from '../support.ts';
import { understood } from '../../support/schedules.ts';
import { CLAIMER, type MongoTest, ready } from './support.ts';

export function mongoRefusalCases(test: MongoTest): void {
  const refused = { errorCode: 14031 };
  for (const command of ['insert', 'findAndModify', 'commitTransaction']) {
    test(
      `a claim is refused, and made later, when the disk is full at its ${command}`,
      async (store, { raw }) => {
        const { grant, schedule, runs } = await ready(store);
        const it = batch(grant, [request(schedule, runs)], { durationMs: 300 });
        const full = await failCommand(raw, 'alwaysOn', {
          appName: CLAIMER,
          failCommands: [command],
          ...refused,
        });
        await assert.rejects(store.claims.claim(it), isRefusal('OutOfDiskSpace'));
        await full.off();
        assert.deepEqual(await store.claims.resolve(runs), []);
        assert.deepEqual(committed(await store.claims.claim(it)).runs.length, runs.length);
      },
    );
  }

  test('every write is refused while the disk is full, and nothing else', async (store, { raw }) => {
    const { grant, schedule, runs } = await ready(store);
    await store.presence.announce(announcement('a', { boot: grant.boot }));
    const full = await failCommand(raw, 'alwaysOn', {
      appName: CLAIMER,
      failCommands: ['insert', 'update', 'delete', 'findAndModify'],
      ...refused,
    });
    const outcome = { run_id: runs[0]!.id } as Outcome;
    const writes: Record<string, () => Promise<unknown>> = {
      create: () => create(store, 'another'),
      replace: () => replace(store, schedule.id, everySpec('1s')),
      remove: () => store.schedules.remove(schedule.id),
      renew: () => store.lease.renew(grant, LONG_MS, NO_MARK),
      release: () => store.lease.release(grant, 'released'),
      record: () => store.runs.record([outcome]),
      resolve: () => store.claims.resolve(runs),
      leave: () => store.presence.leave(grant.boot),
    };
    for (const [name, write] of Object.entries(writes)) {
      await assert.rejects(write, isRefusal('OutOfDiskSpace'), name);
    }
    assert.equal(understood(await store.schedules.get(schedule.id)).revision, 1);
    assert.equal((await store.lease.read()).lease.term, grant.term);
    await full.off();
    assert.equal((await replace(store, schedule.id, everySpec('1s'))).revision, 2);
  });

  test('what a validator of the database does not let in is refused', async (store, { name, raw }) => {
    const { grant, schedule, runs } = await ready(store);
    const letIn = (validator: object) =>
      Promise.all(['runs', 'schedules'].map((collMod) => raw.db(name).command({ collMod, validator })));
    await letIn({ never: true });
    const claim = () => store.claims.claim(batch(grant, [request(schedule, runs)]));
    await assert.rejects(claim, isRefusal('DocumentValidationFailure'));
    await assert.rejects(create(store, 'another'), isRefusal('DocumentValidationFailure'));
    await letIn({});
    assert.equal(committed(await claim()).runs.length, runs.length);
  });

  const broken = {
    'its connection breaks': { closeConnection: true },
    'its server is shutting down': { writeConcernError: { code: 91, errmsg: 'shutting down' } },
  };
  for (const [what, effect] of Object.entries(broken)) {
    test(`a bulk write is not refused when ${what}`, async (store, { raw }) => {
      const data = { appName: CLAIMER, failCommands: ['update'], ...effect };
      const failing = await failCommand(raw, 'alwaysOn', data);
      await assert.rejects(store.runs.record([{ run_id: 'job' } as Outcome]), (error: Error) => {
        assert.equal(error.constructor, StoreUnavailable, `${error}`);
        return true;
      });
      await failing.off();
    });
  }

  test('what the user of the database may not do is refused', async (store, { raw }) => {
    const forbidden = { appName: CLAIMER, failCommands: ['find'], errorCode: 13 };
    const failing = await failCommand(raw, 'alwaysOn', forbidden);
    await assert.rejects(store.schedules.get('job'), isRefusal('Unauthorized'));
    await failing.off();
  });

  it('rejects with the reason while MongoDB does not answer', async () => {
    const options = {
      clock: systemClock(),
      random: systemRandom(),
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    };
    const store = mongoStore({ uri: 'mongodb://127.0.0.1:9/?connect=direct', ...options });
    await assert.rejects(store.prepare(), (error) => {
      assert.ok(error instanceof StoreUnavailable);
      return /ECONNREFUSED/.test(error.message);
    });
    await store.close();
    await assert.rejects(store.ping(), StoreUnavailable);
  });
}

const isRefusal = (reason: string) => (error: unknown) => {
  assert.ok(error instanceof StoreRefused, `${error}`);
  assert.equal(error.reason, reason);
  return true;
};
