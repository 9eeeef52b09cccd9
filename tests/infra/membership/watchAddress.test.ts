import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isUnreachable } from '../../../src/infra/membership/probe.ts';
import { fakePeer, heard, retryClock } from './peerSupport.ts';
import { BOOT, BOUNDED, ME, met, OTHER, watch } from './watchSetup.ts';

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

describe('what the network says', () => {
  const failed = (code?: string) => Object.assign(new Error('connect'), code === undefined ? {} : { code });

  it('is proof of a death when the port is closed or the host is gone', () => {
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
