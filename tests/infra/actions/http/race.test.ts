import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firstToConnect } from '../../../../src/infra/actions/http/race.ts';
import { SimClock } from '../../../../harness/sim/clock.ts';

/** Attempts that the test ends. */
function race(addresses: string[], signal = new AbortController().signal) {
  const clock = new SimClock();
  const opened: string[] = [];
  const stopped: string[] = [];
  const ends = new Map<string, { resolve: (connection: string) => void; reject: (error: Error) => void }>();
  const result = firstToConnect(
    addresses,
    (address) => {
      opened.push(address);
      return {
        connected: new Promise((resolve, reject) => ends.set(address, { resolve, reject })),
        stop: () => void stopped.push(address),
      };
    },
    clock,
    signal,
  );
  result.catch(() => {});
  return {
    clock,
    opened,
    stopped,
    result,
    connect: (address: string) => ends.get(address)?.resolve(`connection to ${address}`),
    async fail(address: string) {
      ends.get(address)?.reject(new Error(`${address} fails`));
      await clock.advance(0);
    },
  };
}

describe('the first address to connect', () => {
  it('is the first one that is tried, when it answers at once', async () => {
    const it = race(['a', 'b']);
    assert.deepEqual(it.opened, ['a']);
    it.connect('a');
    assert.equal(await it.result, 'connection to a');
    await it.clock.advance(10_000);
    assert.deepEqual([it.opened, it.stopped], [['a'], []]);
  });

  it('may be the next, which is tried at once when one fails', async () => {
    const it = race(['a', 'b']);
    await it.fail('a');
    assert.deepEqual(it.opened, ['a', 'b']);
    it.connect('b');
    assert.equal(await it.result, 'connection to b');
  });

  it('may be the next, which is tried beside one that does not answer, and stops that', async () => {
    const it = race(['a', 'b', 'c']);
    await it.clock.advance(249);
    assert.deepEqual(it.opened, ['a']);
    await it.clock.advance(1);
    assert.deepEqual(it.opened, ['a', 'b']);
    it.connect('b');
    assert.equal(await it.result, 'connection to b');
    await it.clock.advance(10_000);
    assert.deepEqual([it.opened, it.stopped], [['a', 'b'], ['a']]);
  });

  it('may be one that was overtaken, and stops the others', async () => {
    const it = race(['a', 'b', 'c']);
    await it.clock.advance(500);
    it.connect('a');
    assert.equal(await it.result, 'connection to a');
    assert.deepEqual(it.stopped, ['b', 'c']);
  });

  it('does not exist when all fail: the first error tells why', async () => {
    const it = race(['a', 'b', 'c']);
    await it.clock.advance(250);
    await it.fail('b');
    await it.fail('c');
    await it.fail('a');
    await assert.rejects(it.result, /^Error: a fails$/);
  });

  it('is not waited for any more once the signal is aborted', async () => {
    const aborting = new AbortController();
    const it = race(['a', 'b', 'c'], aborting.signal);
    await it.clock.advance(250);
    aborting.abort(new Error('too late'));
    await assert.rejects(it.result, /^Error: too late$/);
    await it.clock.advance(10_000);
    assert.deepEqual([it.opened, it.stopped], [['a', 'b'], ['a', 'b']]);
    await assert.rejects(race(['a'], aborting.signal).result, /^Error: too late$/);
  });
});
