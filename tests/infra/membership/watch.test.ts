import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { Clock } from '../../../src/actors/shared/environment.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { httpPeers } from '../../../src/infra/membership/peers.ts';
import { isUnreachable } from '../../../src/infra/membership/probe.ts';
import { Arrivals, fakePeer, heard, peerProcess, retryClock } from './peerSupport.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';
const OTHER = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const ME = '99999999-8888-7777-6666-555555555555';
const MINE = { address: 'http://127.0.0.1:1', boot: ME };

/** A watch on the process `boot`, and how often it was told to be dead. */
function watch(address: string, boot = BOOT, clock: Clock = systemClock(), me = MINE) {
  const deaths = new Arrivals<void>();
  const peers = httpPeers(clock, me, () => null);
  const end = peers.watch({ address, boot }, () => deaths.add());
  return {
    peers,
    end,
    dead: () => deaths.next(),
    isDead: () => deaths.left > 0,
    problem: () => peers.watching()?.problem,
  };
}

/** Resolves when another peer was met, has died and was told dead: a bound for what must not happen. */
async function anotherDies(): Promise<void> {
  const peer = await fakePeer(OTHER);
  const { dead } = watch(peer.address, OTHER);
  await peer.asked.next();
  await heard(peer.address);
  await peer.die();
  await dead();
}

/** A peer of the test's own that has been met. */
async function met(clock?: Clock) {
  const peer = await fakePeer(BOOT);
  const watching = watch(peer.address, BOOT, clock);
  await peer.asked.next();
  await heard(peer.address);
  // What `heard` asked for.
  for (let i = 0; i < 2; i++) await peer.asked.next();
  return { peer, ...watching };
}

/** The address at which nobody listens any more. */
async function deserted(): Promise<string> {
  const peer = await fakePeer(BOOT);
  await peer.die();
  return peer.address;
}

/** All of it is a matter of milliseconds. */
const BOUNDED = { timeout: 20_000 };

it('a peer is told who watches it', BOUNDED, async () => {
  const peer = await fakePeer(BOOT);
  const { end } = watch(peer.address);
  assert.equal((await peer.asked.next()).req.url, `/liveness?boot=${ME}`);
  end();
  await peer.die();
});

describe('a peer that was never met', BOUNDED, () => {
  it('is not dead because nobody listens there; it is tried again', async () => {
    const retry = retryClock();
    const { isDead, end } = watch(await deserted(), BOOT, retry.clock);
    for (let i = 0; i < 3; i++) (await retry.putOff()).go();
    await retry.putOff();
    assert.equal(isDead(), false);
    end();
    assert.equal(retry.running, 0);
  });

  it('is not dead because another process answers there; it is tried again', async () => {
    const retry = retryClock();
    const peer = await fakePeer(OTHER);
    const { isDead, end } = watch(peer.address, BOOT, retry.clock);
    (await retry.putOff()).go();
    await retry.putOff();
    assert.equal(isDead(), false);
    end();
    await peer.die();
  });

  it('is met later, and dead from then on when it is gone', async () => {
    const retry = retryClock();
    const address = await deserted();
    const { dead } = watch(address, BOOT, retry.clock);
    const again = await retry.putOff();
    const peer = await fakePeer(BOOT, Number(new URL(address).port));
    again.go();
    await peer.asked.next();
    await heard(address);
    await peer.die();
    (await retry.putOff()).go();
    await dead();
  });
});

describe('a peer that was met', BOUNDED, () => {
  it('is dead when its process is killed', async () => {
    const child = await peerProcess(BOOT);
    const { dead } = watch(child.address);
    await child.asked();
    await heard(child.address);
    child.kill('SIGKILL');
    await dead();
    await child.ended;
  });

  it('is not dead when its process said goodbye', async () => {
    const child = await peerProcess(BOOT);
    const { isDead } = watch(child.address);
    await child.asked();
    await heard(child.address);
    child.kill('SIGTERM');
    assert.equal(await child.ended, 'exit code 0');
    await anotherDies();
    assert.equal(isDead(), false);
  });

  it('is not dead when its process is frozen, until that is killed', async () => {
    const child = await peerProcess(BOOT);
    const { dead, isDead } = watch(child.address);
    await child.asked();
    await heard(child.address);
    child.kill('SIGSTOP');
    await anotherDies();
    assert.equal(isDead(), false);
    child.kill('SIGKILL');
    await dead();
    await child.ended;
  });

  it('is not dead when only the connection broke: it is met again at once', async () => {
    const retry = retryClock();
    const { peer, isDead, dead } = await met(retry.clock);
    peer.reset();
    const again = await retry.putOff();
    assert.equal(again.delayMs, 0);
    again.go();
    await peer.asked.next();
    await heard(peer.address);
    assert.deepEqual([isDead(), retry.left], [false, 0]);
    await peer.die();
    (await retry.putOff()).go();
    await dead();
  });

  it('is not dead when its connection ends in order, but without a goodbye', async () => {
    const peer = await fakePeer(BOOT);
    const { isDead, dead } = watch(peer.address);
    (await peer.asked.next()).end();
    await peer.asked.next();
    await heard(peer.address);
    assert.equal(isDead(), false);
    await peer.die();
    await dead();
  });

  it('is dead when a process that came after it answers in its place, although that stays connected', async () => {
    const { peer, dead } = await met();
    Object.assign(peer.state, { boot: OTHER, upMs: 0 });
    peer.reset();
    await dead();
    await peer.die();
  });

  it('is not dead when something else answers in its place', async () => {
    const retry = retryClock();
    const { peer, isDead, end } = await met(retry.clock);
    peer.state.boot = '<html>Bad gateway</html>';
    peer.reset();
    (await retry.putOff()).go();
    (await peer.asked.next()).end();
    const again = await retry.putOff();
    peer.state.boot = 'more than a peer would ever say '.repeat(100);
    again.go();
    await retry.putOff();
    assert.equal(isDead(), false);
    end();
    await peer.die();
  });

  it('is not dead while it takes connections and does not answer', async () => {
    const retry = retryClock();
    const { peer, isDead, dead } = await met(retry.clock);
    peer.state.silent = true;
    peer.reset();
    (await retry.putOff()).go();
    const response = await peer.asked.next();
    await anotherDies();
    assert.deepEqual([isDead(), retry.left], [false, 0]);
    response.write(`${BOOT}\n`);
    peer.state.silent = false;
    await heard(peer.address);
    await peer.die();
    (await retry.putOff()).go();
    await dead();
  });

  it('is not asked in a tight loop when each connection breaks, and at once after one that held', async () => {
    const retry = retryClock();
    const { peer, isDead, end } = await met(retry.clock);
    const pauses: number[] = [];
    async function breakAgain() {
      peer.reset();
      const { delayMs, go } = await retry.putOff();
      pauses.push(delayMs);
      go();
      await peer.asked.next();
    }
    for (let i = 0; i < 8; i++) await breakAgain();
    retry.advance(250);
    for (let i = 0; i < 2; i++) await breakAgain();
    assert.deepEqual(pauses, [0, 10, 20, 40, 80, 160, 250, 250, 0, 10]);
    assert.equal(isDead(), false);
    end();
    await peer.die();
  });

  it('is told dead once', async () => {
    const retry = retryClock();
    const { peer, dead, isDead } = await met(retry.clock);
    await peer.die();
    (await retry.putOff()).go();
    await dead();
    await anotherDies();
    assert.deepEqual([isDead(), retry.left, retry.running], [false, 0, 0]);
  });
});

/** Longer than any of these tests has been going on. */
const LONG_MS = 3_600_000;

describe('an address that leads to several processes', BOUNDED, () => {
  /** The next try has been put off, and the address is not believed when nobody listens there either. */
  async function isNotBelieved({ peer, isDead, retry }: Awaited<ReturnType<typeof metThere>>) {
    const again = await retry.putOff();
    await peer.die();
    again.go();
    await retry.putOff();
    assert.equal(isDead(), false);
  }

  async function metThere(upMs: number | null = 0) {
    const retry = retryClock();
    const it = await met(retry.clock);
    it.peer.state.upMs = upMs;
    return { ...it, retry };
  }

  it('is no place to die at, when another process answers that was there all the time', async () => {
    const it = await metThere(LONG_MS);
    it.peer.state.boot = OTHER;
    it.peer.reset();
    (await it.retry.putOff()).go();
    await isNotBelieved(it);
    assert.match(it.problem() ?? '', /other processes answer at that address as well/);
    it.end();
  });

  it('is none when several new processes answer', async () => {
    const it = await metThere();
    it.peer.state.others = [OTHER, OTHER, OTHER.replaceAll('a', 'b')];
    it.peer.state.boot = OTHER;
    it.peer.reset();
    (await it.retry.putOff()).go();
    await isNotBelieved(it);
    it.end();
  });

  it('is none when this process itself answers', async () => {
    const it = await metThere();
    it.peer.state.boot = ME;
    it.peer.reset();
    (await it.retry.putOff()).go();
    await isNotBelieved(it);
    it.end();
  });

  it('is none when the watched process answers again', async () => {
    const it = await metThere();
    it.peer.state.others = [OTHER];
    it.peer.reset();
    (await it.retry.putOff()).go();
    await isNotBelieved(it);
    assert.match(it.problem() ?? '', /other processes answer at that address as well/);
    it.end();
  });

  it('is none when the other one does not say since when it is there', async () => {
    const it = await metThere(null);
    it.peer.state.boot = OTHER;
    it.peer.reset();
    (await it.retry.putOff()).go();
    await isNotBelieved(it);
    it.end();
  });

  it('is found out while the connection to the watched process holds', async () => {
    const it = await metThere(LONG_MS);
    it.peer.state.others = [BOOT, OTHER];
    await it.retry.later(2_000);
    while (it.problem() === null) await new Promise(setImmediate);
    assert.match(it.problem() ?? '', /other processes answer at that address as well/);
    it.peer.reset();
    await isNotBelieved(it);
    it.end();
  });

  it('is believed again and again while only the watched process answers', async () => {
    const it = await metThere(LONG_MS);
    // Each survey is due some time after the one before has ended.
    for (const delayMs of [2_000, 30_000, 30_000]) await it.retry.later(delayMs);
    assert.deepEqual([it.problem(), it.peer.state.polls >= 8], [null, true]);
    await it.peer.die();
    (await it.retry.putOff()).go();
    await it.dead();
  });

  it('is found out when the watched process is met after another one answered', async () => {
    const retry = retryClock();
    const peer = await fakePeer(BOOT);
    peer.state.others = [OTHER];
    const it = watch(peer.address, BOOT, retry.clock);
    (await retry.putOff()).go();
    for (let i = 0; i < 2; i++) await peer.asked.next();
    await heard(peer.address);
    for (let i = 0; i < 2; i++) await peer.asked.next();
    assert.match(it.problem() ?? '', /other processes answer at that address as well/);
    peer.reset();
    await isNotBelieved({ ...it, peer, retry });
    it.end();
  });

  it('is remembered for the next process that is watched there', async () => {
    const it = await metThere(LONG_MS);
    it.peer.state.boot = ME;
    it.peer.reset();
    (await it.retry.putOff()).go();
    // Me, for certain.
    it.peer.state.upMs = 0;
    while (!/other processes/.test(it.problem() ?? '')) await new Promise(setImmediate);
    it.end();
    it.peers.watch({ address: it.peer.address, boot: OTHER }, () => {})();
    assert.equal(it.peers.watching(), null);
    const end = it.peers.watch({ address: it.peer.address, boot: OTHER }, () => {});
    assert.match(it.problem() ?? '', /other processes answer at that address as well/);
    end();
    const elsewhere = it.peers.watch({ address: 'http://127.0.0.1:1', boot: OTHER }, () => {});
    assert.doesNotMatch(it.problem() ?? '', /other processes/);
    elsewhere();
    await it.peer.die();
  });

  it('is known when it is the own one', async () => {
    const retry = retryClock();
    const peer = await fakePeer(BOOT);
    const it = watch(peer.address, BOOT, retry.clock, { address: peer.address, boot: ME });
    await peer.asked.next();
    await heard(peer.address);
    assert.match(it.problem() ?? '', /this replica has the same address/);
    await peer.die();
    (await retry.putOff()).go();
    await retry.putOff();
    assert.equal(it.isDead(), false);
    it.end();
  });

  it('is known when a process that seemed to have died there goes on to announce itself', async () => {
    const retry = retryClock();
    const it = await met(retry.clock);
    await it.peer.die();
    (await retry.putOff()).go();
    await it.dead();
    const seen = (second: number) =>
      it.peers.noteHeartbeats([{ boot: BOOT, last_seen: new Date(second * 1000) }]);
    const doubt = () => {
      const end = it.peers.watch({ address: it.peer.address, boot: OTHER }, () => {});
      const problem = it.problem();
      end();
      return problem;
    };
    seen(1);
    seen(1);
    assert.doesNotMatch(doubt() ?? '', /is alive/);
    seen(2);
    assert.match(doubt() ?? '', /a process that was declared dead at this address is alive/);
  });
});

describe('what is no address', () => {
  for (const address of ['', 'somewhere', 'unix:/tmp/x', 'http://', 'http://a b']) {
    it(`is never asked: ${JSON.stringify(address)}`, () => {
      const retry = retryClock();
      const { problem, end } = watch(address, BOOT, retry.clock);
      assert.equal(problem(), 'that is not a valid address');
      end();
      assert.equal(retry.running, 0);
    });
  }
});

describe('the end of a watch', BOUNDED, () => {
  it('closes the connection, and tells nothing any more', async () => {
    const { peer, isDead, end } = await met();
    const again = watch(peer.address);
    const closed = once(await peer.asked.next(), 'close');
    again.end();
    await closed;
    end();
    await peer.die();
    await anotherDies();
    assert.deepEqual([isDead(), again.isDead()], [false, false]);
  });

  it('closes a connection that was never answered', async () => {
    const connections = new Arrivals<Socket>();
    const server = createServer((socket) => connections.add(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { end, isDead } = watch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const socket = await connections.next();
    await anotherDies();
    assert.equal(isDead(), false);
    const closed = once(socket.on('error', () => {}).resume(), 'close');
    end();
    await closed;
    server.close();
  });
});

describe('what the network says', () => {
  const failed = (code?: string) => Object.assign(new Error('connect'), code === undefined ? {} : { code });

  it('is a proof when nobody listens, or nobody is there', () => {
    for (const code of ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']) {
      assert.equal(isUnreachable(failed(code)), true, code);
    }
  });

  it('is none when it took too long, broke, or no name was found', () => {
    for (const code of ['ETIMEDOUT', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', undefined]) {
      assert.equal(isUnreachable(failed(code)), false, code);
    }
  });

  it('has to be said of each address that a name has', () => {
    const all = (...codes: string[]) =>
      Object.assign(new AggregateError(codes.map(failed)), { code: codes[0] });
    assert.equal(isUnreachable(all('ENETUNREACH', 'ECONNREFUSED')), true);
    assert.equal(isUnreachable(all('ENETUNREACH', 'ETIMEDOUT')), false);
  });
});
