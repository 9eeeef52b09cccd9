import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ChangeDeclined, StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import type { Store } from '../../../src/actors/store.ts';
import { memoryDatabase } from '../../../src/infra/memory/store.ts';
import { observedStore } from '../../../src/infra/shared/observedStore.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

const AWAY = new StoreUnavailable('away');

/** A store in memory whose calls take 5 ms, and fail while `broken`. */
function observed() {
  const clock = new SimClock(0);
  const told = { calls: [] as [string, number][], failures: [] as [string, unknown][] };
  const world = { broken: false };
  const inner = memoryDatabase({ clock }).connect({
    intercept: async (_op, run) => {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 5));
      if (world.broken) throw AWAY;
      return await run();
    },
  });
  const store = observedStore(inner, clock, {
    called: (operation, tookMs) => told.calls.push([operation, tookMs]),
    failed: (operation, error) => told.failures.push([operation, error]),
  });
  const during = async <T>(call: Promise<T>): Promise<T> => {
    call.catch(() => {});
    await clock.advance(5);
    return await call;
  };
  return { clock, told, world, inner, store, during };
}

describe('an observed store', () => {
  it('does not call it a failure that a change is declined', async () => {
    const { inner, told, during, clock } = observed();
    const declined = new ChangeDeclined('nothing was changed');
    const store = observedStore(
      { ...inner, schedules: { ...inner.schedules, replace: () => Promise.reject(declined) } },
      clock,
      { called: () => {}, failed: (operation, error) => told.failures.push([operation, error]) },
    );
    await assert.rejects(during(store.schedules.replace('a', {} as never)), declined);
    assert.deepEqual(told.failures, []);
  });

  it('answers as the store does, and tells which call it was and how long it took', async () => {
    const { store, told, during } = observed();
    await during(store.prepare());
    const { lease } = await during(store.lease.read());
    assert.equal(lease.term, 0);
    assert.deepEqual(told, { calls: [['store.prepare', 5], ['lease.read', 5]], failures: [] });
  });

  it('tells of a failure once, and fails in the same way', async () => {
    const { store, told, world, during } = observed();
    world.broken = true;
    await assert.rejects(during(store.schedules.get('a')), AWAY);
    assert.deepEqual(told, { calls: [['schedules.get', 5]], failures: [['schedules.get', AWAY]] });
  });

  it('leaves out nothing that a store can do', () => {
    const { store, inner } = observed();
    const names = (of: Store) =>
      Object.entries(of).flatMap(([name, port]) =>
        typeof port === 'function' ? [name] : Object.keys(port).map((method) => `${name}.${method}`)
      );
    assert.deepEqual(names(store).toSorted(), names(inner).toSorted());
  });

  it('tells of streams that break, and lets their readers know', async () => {
    const { clock, store, told, world, during } = observed();
    await during(store.prepare());
    const heard: string[] = [];
    const observer = {
      change: () => heard.push('change'),
      progress: () => heard.push('progress'),
      failed: (error: Error, resumable: boolean) => heard.push(`${error.message}, ${resumable}`),
    };
    await during(store.feed.snapshot(observer));
    await clock.advance(1000);
    world.broken = true;
    await clock.advance(1000);
    assert.deepEqual([heard[0], heard.at(-1)], ['progress', 'away, true']);
    const end = store.lease.watch(
      'me',
      (hint) => heard.push(hint),
      (error) => heard.push(`watch: ${error.message}`),
    );
    await clock.advance(10);
    world.broken = false;
    await clock.advance(1000);
    end();
    assert.deepEqual(heard.slice(-4), ['watch: away', 'changed', 'run available', 'run cancelled']);
    assert.deepEqual(told.failures, [['feed.stream', AWAY], ['lease.watch', AWAY]]);
  });

  it('reports event streams that break, but not those that are no longer followed', async () => {
    const { clock, store, told, world, during } = observed();
    const [broken, left] = [await during(store.events.open(null)), await during(store.events.open(null))];
    assert.ok(broken !== 'lost' && left !== 'lost');
    world.broken = true;
    left.close();
    for (const events of [broken, left]) {
      const next = events.next();
      next.catch(() => {});
      await clock.advance(1000);
      await assert.rejects(next, AWAY);
    }
    assert.deepEqual(told.failures, [['events.stream', AWAY]]);
  });
});
