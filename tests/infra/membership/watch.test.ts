import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Arrivals, fakePeer, heard, peerProcess, retryClock } from './peerSupport.ts';
import { BOOT, BOUNDED, ME, met, OTHER, watch } from './watchSetup.ts';

/** Resolves when another peer was met, has died and was told dead: a bound for what must not happen. */
async function anotherDies(): Promise<void> {
  const peer = await fakePeer(OTHER);
  const { dead } = watch(peer.address, OTHER);
  await peer.asked.next();
  await heard(peer.address);
  await peer.die();
  await dead();
}

/** An address whose port is closed by now. */
async function deserted(): Promise<string> {
  const peer = await fakePeer(BOOT);
  await peer.die();
  return peer.address;
}

it('a peer is told who watches it', BOUNDED, async () => {
  const peer = await fakePeer(BOOT);
  const { end } = watch(peer.address);
  assert.equal((await peer.asked.next()).req.url, `/liveness?boot=${ME}`);
  end();
  await peer.die();
});

describe('a peer that was never met', BOUNDED, () => {
  it('is not dead because its port is closed; it is tried again', async () => {
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
