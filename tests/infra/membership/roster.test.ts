import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Replica } from '../../../src/domain/membership/replica.ts';
import { Roster } from '../../../src/infra/membership/roster.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

const replica = (boot: string) => ({ id: boot, boot, lost_at: null }) as Replica;

async function started() {
  const clock = new SimClock();
  const list: { now: Replica[] | Error; readings: number } = { now: [replica('a')], readings: 0 };
  const read: string[][] = [];
  const roster = new Roster(
    () => {
      list.readings++;
      return list.now instanceof Error ? Promise.reject(list.now) : Promise.resolve(list.now);
    },
    clock,
    (replicas) => read.push(replicas.map(({ boot }) => boot)),
  );
  roster.start();
  await clock.advance(0);
  return { clock, list, roster, read };
}

describe('the list of replicas', () => {
  it('is read at once, and at intervals', async () => {
    const { clock, list, roster, read } = await started();
    assert.equal(roster.get('a')?.boot, 'a');
    list.now = [replica('b')];
    await clock.advance(4_999);
    assert.deepEqual(read, [['a']]);
    await clock.advance(1);
    assert.deepEqual(read, [['a'], ['b']]);
    assert.equal(roster.get('a'), undefined);
  });

  it('is read soon when a boot is missing, however many are: twice a second at most', async () => {
    const { clock, list, roster } = await started();
    list.now = [replica('a'), replica('b')];
    for (let i = 0; i < 1000; i++) roster.look();
    assert.equal(roster.get('b'), undefined);
    await clock.advance(500);
    assert.deepEqual([roster.get('b')?.boot, list.readings], ['b', 2]);
    for (let ms = 0; ms < 10_000; ms += 10) {
      roster.look();
      await clock.advance(10);
    }
    assert.ok(list.readings <= 2 + 20, `${list.readings} readings in 10 s`);
  });

  it('goes on to count while the store does not answer', async () => {
    const { clock, list, roster } = await started();
    list.now = new Error('the store is away');
    await clock.advance(60_000);
    assert.equal(roster.get('a')?.boot, 'a');
    list.now = [replica('b')];
    await clock.advance(5_000);
    assert.equal(roster.get('b')?.boot, 'b');
  });

  it('is not read any more after the end', async () => {
    const { clock, list, roster } = await started();
    roster.stop();
    roster.look();
    await clock.advance(60_000);
    assert.equal(list.readings, 1);
  });
});
