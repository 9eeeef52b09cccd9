import assert from 'node:assert/strict';
import type { LeaseHint } from '../../../src/actors/leadership/leaseStore.ts';
import { type Grant, isFree, isToStepDown } from '../../../src/domain/leadership/lease.ts';
import { cancelled } from '../../../src/domain/runs/life.ts';
import { manualRun } from '../../../src/domain/runs/request.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { NO_MARK } from '../../support/leases.ts';
import {
  at,
  batch,
  candidate,
  claim,
  claimed,
  create,
  eventually,
  lead,
  LONG_MS,
  occurrence,
  outcomeOf,
  replace,
  request,
  SPEC,
  type Test,
  UNOWNED,
} from '../support.ts';

export function leaseCases(test: Test): void {
  test('is prepared once by five replicas at once', async (store, connect) => {
    const before = await store.lease.read();
    await Promise.all(Array.from({ length: 5 }, () => connect().prepare()));
    const { lease, serverNowMs } = await store.lease.read();
    assert.deepEqual(lease, before.lease);
    const { watermark, expires_at, ...rest } = lease;
    assert.deepEqual(rest, {
      holder: null,
      boot: null,
      term: 0,
      address: null,
      acquired_at: null,
      began_by: null,
      renewed_at: null,
      latest_at: null,
      set_back: null,
      released_at: null,
      released_by: null,
      heir: null,
      predecessor_died_at: null,
      step_down_term: null,
    });
    assert.equal(expires_at.getTime(), 0);
    assert.equal(watermark.claimedThroughMs, watermark.mirroredThroughMs + 2000);
    assert.ok(
      serverNowMs - watermark.claimedThroughMs < 30_000,
      'the watermark begins at the time of the preparation',
    );
  });

  test('is acquired under a term above the one that the candidate knows of', async (store) => {
    const first = await store.lease.acquire(candidate('a'), 1, null, 6);
    assert.deepEqual([first?.lease.term, first?.previous.term], [7, 0]);
    const next = await eventually(() => store.lease.acquire(candidate('b'), LONG_MS, null, 3));
    assert.equal(next.lease.term, 8);
  });

  test('five replicas race for it: one gets it, under the next term', async (_store, connect) => {
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((name) => connect().lease.acquire(candidate(name), LONG_MS, null)),
    );
    const [won, ...others] = answers.filter((answer) => answer !== null);
    assert.ok(won);
    const { lease } = won;
    assert.deepEqual(others, []);
    assert.equal(lease.term, 1);
    assert.deepEqual(candidate(lease.holder as string), {
      holder: lease.holder,
      boot: lease.boot,
      address: lease.address,
    });
  });

  test('says until when it is held, on the server’s clock', async (store) => {
    const { lease } = await lead(store, 'a', 5000);
    const reading = await store.lease.read();
    assert.deepEqual(reading.lease, lease);
    assert.deepEqual(lease.acquired_at, lease.renewed_at);
    assert.equal(lease.expires_at.getTime() - (lease.acquired_at as Date).getTime(), 5000);
    assert.ok(reading.serverNowMs >= (lease.acquired_at as Date).getTime());
    assert.equal(isFree(reading), false);
  });

  test('is refused to others while it is held, and free when it has run out', async (store) => {
    const { lease } = await lead(store, 'a', 250);
    assert.equal(await store.lease.acquire(candidate('b'), LONG_MS, null), null);
    const { lease: next, previous } = await eventually(() =>
      store.lease.acquire(candidate('b'), LONG_MS, null)
    );
    assert.deepEqual([previous, next.began_by], [lease, 'acquired']);
    assert.equal(next.term, 2);
    assert.equal(next.holder, 'b');
    assert.ok((next.acquired_at as Date).getTime() >= lease.expires_at.getTime());
  });

  test('is given again, under a new term, to the boot that holds it', async (store) => {
    await lead(store, 'a');
    const { lease } = await lead(store, 'a');
    assert.equal(lease.term, 2);
    assert.equal(
      await store.lease.acquire({ ...candidate('a'), boot: 'another life of a' }, LONG_MS, null),
      null,
    );
  });

  test('is pre-empted by a candidate that names exactly the grant in force', async (store) => {
    const { grant, lease } = await lead(store, 'a');
    const dead = { ...grant, diedAt: new Date() };
    for (const wrong of [{ holder: 'x' }, { boot: 'x' }, { term: 2 }, { term: 0 }]) {
      assert.equal(await store.lease.acquire(candidate('b'), LONG_MS, { ...dead, ...wrong }), null);
    }
    await store.lease.renew(grant, LONG_MS, NO_MARK);
    const won = await store.lease.acquire(candidate('b'), LONG_MS, dead);
    assert.deepEqual([won?.lease.term, won?.lease.began_by, won?.previous.term], [
      2,
      'pre-empted',
      lease.term,
    ]);
    assert.equal(await store.lease.renew(grant, LONG_MS, NO_MARK), null);
    assert.equal(await store.lease.acquire(candidate('c'), LONG_MS, dead), null, 'once');
  });

  test('keeps when the holder before was seen to be gone, somewhere within its term', async (store) => {
    const { lease } = await lead(store, 'a');
    const acquiredMs = (lease.acquired_at as Date).getTime();
    let { holder, boot, term } = lease as Grant;
    for (const offMs of [0, -60_000, 60_000]) {
      const next = candidate(`b${offMs}`);
      const diedAt = new Date(acquiredMs + offMs);
      const won = await store.lease.acquire(next, LONG_MS, { holder, boot, term, diedAt });
      assert.ok(won);
      const { predecessor_died_at, acquired_at } = won.lease;
      const within = { [-60_000]: won.previous.acquired_at, 0: diedAt, 60_000: acquired_at };
      assert.deepEqual(predecessor_died_at, within[offMs as 0]);
      ({ holder, boot, term } = won.lease as Grant);
    }
    await store.lease.release({ holder, boot, term }, 'released');
    assert.equal((await lead(store, 'c')).lease.predecessor_died_at, null, 'no leader was pre-empted');
  });

  test('passes on the request to step down, to the leader of that term only', async (store) => {
    assert.equal(await store.lease.askToStepDown(0), false, 'there is no leader');
    const { grant } = await lead(store, 'a');
    assert.equal(await store.lease.askToStepDown(2), false);
    assert.equal(await store.lease.askToStepDown(1), true);
    const renewed = await store.lease.renew(grant, LONG_MS, NO_MARK);
    assert.ok(renewed && isToStepDown(renewed));
    assert.equal(await store.lease.release(grant, 'stepped down'), true);
    assert.equal((await store.lease.read()).lease.released_by, 'stepped down');
    assert.equal(await store.lease.askToStepDown(1), false, 'that term is over');
    const { lease: next } = await lead(store, 'b');
    assert.deepEqual([next.released_by, isToStepDown(next)], [null, false], 'the next leader was not asked');
  });

  test('is renewed by its holder, boot and term only', async (store) => {
    const { grant, lease } = await lead(store, 'a', 2000);
    const renewed = await store.lease.renew(grant, 9000, NO_MARK);
    assert.ok(renewed);
    assert.equal(renewed.expires_at.getTime() - (renewed.renewed_at as Date).getTime(), 9000);
    assert.deepEqual(renewed.acquired_at, lease.acquired_at);
    for (const wrong of [{ holder: 'b' }, { boot: 'boot-b' }, { term: 2 }, { term: 0 }]) {
      assert.equal(await store.lease.renew({ ...grant, ...wrong }, LONG_MS, NO_MARK), null);
      assert.equal(await store.lease.release({ ...grant, ...wrong }, 'released'), false);
    }
    assert.deepEqual((await store.lease.read()).lease, renewed);
  });

  test('may be renewed after it expired, unless another replica has taken it', async (store) => {
    const { grant } = await lead(store, 'a', 1);
    await eventually(async () => isFree(await store.lease.read()) || null);
    assert.ok(await store.lease.renew(grant, LONG_MS, NO_MARK));
    assert.equal(await store.lease.acquire(candidate('b'), LONG_MS, null), null);
  });

  test('has a mark of which neither number goes back, and which moves as a pair or not at all', async (store) => {
    const { grant, lease } = await lead(store, 'a');
    const startMs = lease.watermark.claimedThroughMs;
    const marks = async (claimed: number, mirrored: number) => {
      const mark = { claimedThroughMs: startMs + claimed, mirroredThroughMs: startMs + mirrored };
      const { claimedThroughMs, mirroredThroughMs } =
        (await store.lease.renew(grant, LONG_MS, mark))?.watermark ?? assert.fail();
      return [claimedThroughMs - startMs, mirroredThroughMs - startMs];
    };
    assert.deepEqual(await marks(500, 300), [500, 300]);
    assert.deepEqual(await marks(400, 400), [500, 300]);
    assert.deepEqual(await marks(600, 200), [500, 300]);
    assert.deepEqual(await marks(-5000, -5000), [500, 300]);
    assert.deepEqual(await marks(500, 400), [500, 400]);
    await store.lease.release(grant, 'released');
    const { lease: next } = await lead(store, 'b');
    assert.deepEqual(next.watermark, { claimedThroughMs: startMs + 500, mirroredThroughMs: startMs + 400 });
  });

  test('names its heir until any replica takes it', async (store) => {
    const { grant } = await lead(store, 'a');
    await store.lease.release(grant, 'released', 'boot-b');
    assert.equal((await store.lease.read()).lease.heir, 'boot-b');
    const won = await store.lease.acquire(candidate('c'), LONG_MS, null);
    assert.deepEqual([won?.lease.heir, won?.previous.heir], [null, 'boot-b']);
  });

  test('is free at once when it is released, and the grant is over', async (store) => {
    const { grant } = await lead(store, 'a');
    assert.equal(await store.lease.release(grant, 'released'), true);
    const reading = await store.lease.read();
    assert.equal(isFree(reading), true);
    assert.deepEqual(reading.lease.released_at, reading.lease.expires_at);
    assert.equal(await store.lease.renew(grant, LONG_MS, NO_MARK), null, 'a late renewal must not revive it');
    assert.equal(await store.lease.release(grant, 'released'), false);
    const { lease } = await lead(store, 'b');
    assert.equal(lease.released_at, null);
  });

  test(
    'hints to its watchers when it is taken or released, not when it is renewed or claimed under',
    async (store, connect) => {
      const hints = new Hints();
      const stop = connect().lease.watch(
        'boot-w',
        (hint) => !hint.startsWith('run ') && hints.add(hint),
        (error) => assert.fail(error),
      );
      await hints.reach(1);
      const { grant } = await lead(store, 'a');
      await hints.reach(2);
      const schedule = await create(store, 'job');
      await store.lease.renew(grant, LONG_MS, NO_MARK);
      await store.claims.claim(batch(grant, [request(schedule, [claimed('job', 1, grant)])]));
      await replace(store, 'job', { ...SPEC, name: 'changed' });
      await store.lease.askToStepDown(1);
      await hints.reach(3);
      await store.lease.release(grant, 'released');
      await hints.reach(4);
      const second = await lead(store, 'b');
      await hints.reach(5);
      await store.lease.release(second.grant, 'stepped down', 'boot-c');
      const third = await lead(store, 'c');
      await hints.reach(6);
      await store.lease.release(third.grant, 'stepped down', 'boot-w');
      await hints.reach(7);
      const own = await lead(store, 'w');
      await store.lease.release(own.grant, 'released');
      await hints.reach(8);
      const told = ['changed', 'taken', 'changed', 'changed', 'taken', 'taken', 'left', 'changed'];
      assert.deepEqual(hints.list, told, 'neither of another heir, nor of its own acquisition');
      stop();
    },
  );

  test(
    'hints at runs that an executor may take, and at those whose attempt is to be aborted',
    async (store, connect) => {
      const hints = new Hints();
      const stop = connect().lease.watch(
        'boot-w',
        (hint) => hint !== 'taken' && hint !== 'left' && hints.add(hint),
        (error) => assert.fail(error),
      );
      await hints.reach(1);
      /** Resolves when it was hinted at; each way of theirs may hint more than once. */
      const after = async (hint: LeaseHint, act: () => Promise<unknown>) => {
        const from = hints.list.length;
        await act();
        await hints.until(() => hints.list.slice(from).includes(hint));
      };
      const { grant } = await lead(store, 'a');
      await hints.reach(2);
      const schedule = await create(store, 'job');
      await after('run available', () => store.runs.request(manualRun(schedule, Date.now(), 'one')));
      const waiting = occurrence(schedule, 1, grant, { waiting_for: 'place', ...UNOWNED });
      await after('run available', () => claim(store, grant, schedule, waiting));
      const [failing, lost] = [occurrence(schedule, 2, grant), occurrence(schedule, 3, grant)];
      await claim(store, grant, schedule, failing, lost);
      const failed = outcomeOf(failing, { state: 'failed', retry_at: at(9) });
      await after('run available', () => store.runs.record([failed]));
      await after('run cancelled', () => store.runs.change([cancelled(lost, 'requested', at(9))]));
      const stored = await store.runs.get(waiting.id) as Run;
      const from = hints.list.length;
      await store.runs.change([cancelled(stored, 'requested', at(9))]);
      await after('run available', () => store.runs.request(manualRun(schedule, Date.now(), 'two')));
      assert.equal(hints.list.slice(from).includes('run cancelled'), false, 'that has ended at once');
      stop();
    },
  );

  test('keeps the marks of schedules that are set aside, and moves them with the others only', async (store) => {
    const { grant } = await lead(store, 'a');
    const { watermark: before } = (await store.lease.read()).lease;
    const own = {
      claimedThroughMs: before.claimedThroughMs + 1,
      mirroredThroughMs: before.mirroredThroughMs,
    };
    const mark = {
      claimedThroughMs: before.claimedThroughMs + 10,
      mirroredThroughMs: before.mirroredThroughMs + 10,
      setAside: new Map([['$x.y', own]]),
    };
    assert.deepEqual((await store.lease.renew(grant, LONG_MS, mark))?.watermark, mark);
    assert.deepEqual((await store.lease.renew(grant, LONG_MS, before))?.watermark, mark);
    const { setAside: _, ...rest } = mark;
    const won = await store.lease.acquire(candidate('b'), LONG_MS, { ...grant, diedAt: new Date() });
    assert.deepEqual(won?.lease.watermark, mark);
    const { grant: next } = { grant: { holder: 'b', boot: 'boot-b', term: grant.term + 1 } };
    const result = await store.claims.claim(batch(next, [], { marks: { present: mark, settled: rest } }));
    assert.deepEqual(result.kind === 'committed' && result.lease.watermark, rest);
  });
}

class Hints {
  readonly list: LeaseHint[] = [];
  #wake = () => {};

  add(hint: LeaseHint): void {
    this.list.push(hint);
    this.#wake();
  }

  async reach(count: number): Promise<void> {
    await this.until(() => this.list.length >= count);
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#wake = resolve);
  }
}
