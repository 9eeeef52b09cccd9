/** What a replica says of how it is reached, and of the leader that it can't watch. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Replica } from '../../../src/domain/membership/replica.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { addressProblem } from '../../../src/infra/membership/addressCheck.ts';
import { membership } from '../../../src/infra/membership/membership.ts';
import type { HttpPeers } from '../../../src/infra/membership/peers.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { fakePeer } from './peerSupport.ts';

const ME = '99999999-8888-7777-6666-555555555555';
const OTHER = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const NOT_THERE = 'http://127.0.0.1:1';
const BOUNDED = { timeout: 20_000 };

describe('the own address', BOUNDED, () => {
  async function problemAt(state: Partial<Awaited<ReturnType<typeof fakePeer>>['state']>, boot = ME) {
    const peer = await fakePeer(boot);
    Object.assign(peer.state, { upMs: 0 }, state);
    const names = (each: string) => each === OTHER ? 'r2' : undefined;
    const problem = await addressProblem({ address: peer.address, boot: ME }, systemClock(), names);
    await peer.die();
    return problem?.replace(peer.address, 'IT') ?? null;
  }

  it('is right when this replica answers there each time', async () => {
    assert.equal(await problemAt({}), null);
  });

  it('is wrong when another replica answers', async () => {
    assert.match(
      await problemAt({}, OTHER) ?? '',
      /^ADDRESS is IT: another replica answers at that address, r2\. Set ADDRESS/,
    );
  });

  it('is wrong when several do, this one among them or not', async () => {
    const several =
      /^ADDRESS is IT: several replicas answer at that address, as behind a load balancer\. Set ADDRESS/;
    assert.match(await problemAt({ others: [ME, OTHER] }) ?? '', several);
    assert.match(await problemAt({ others: [OTHER, OTHER.replaceAll('a', 'b')] }) ?? '', several);
  });

  it('is wrong when another program answers', async () => {
    assert.match(
      await problemAt({ upMs: null }) ?? '',
      /another program answers at that address \(HTTP 200\)/,
    );
  });

  it('is wrong when its port is closed', async () => {
    const problem = await addressProblem({ address: NOT_THERE, boot: ME }, systemClock(), () => undefined);
    assert.match(
      problem ?? '',
      /^ADDRESS is http:\/\/127\.0\.0\.1:1: this replica can't reach itself at that address \(ECONNREFUSED\)/,
    );
  });
});

describe('a leader that can not be watched', () => {
  function set() {
    const clock = new SimClock();
    const log: string[] = [];
    const at = (level: string) => (message: string) => void log.push(`${level} ${message}`);
    let watching: ReturnType<HttpPeers['watching']> = null;
    const it = membership({
      list: () => Promise.resolve([{ id: 'r2', boot: OTHER, lost_at: null, lease_timing: null } as Replica]),
      clock,
      logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
      me: { address: NOT_THERE, boot: ME },
      lease: { durationMs: 3000, retryMs: 300, marginMs: 500 },
      peers: () => ({
        heir: () => null,
        watch: () => () => {},
        noteHeartbeats: () => {},
        watching: () => watching,
      }),
    });
    it.start();
    return {
      it,
      clock,
      log,
      watch: (problem: string | null) => void (watching = { boot: OTHER, address: 'http://r2', problem }),
      // The own address is asked over a real network.
      warnings: () => it.warnings().filter((warning) => !warning.startsWith('ADDRESS')),
    };
  }

  it('is told after some seconds, once, and when it is settled', async () => {
    const { it, clock, log, watch, warnings } = set();
    watch('ECONNREFUSED');
    await clock.advance(5_000);
    assert.deepEqual([warnings(), it.vitals().leaderWatched], [[], false]);
    await clock.advance(2_000);
    const [warning] = warnings();
    assert.match(
      warning ?? '',
      /^the leader's process \(r2\) can't be watched at http:\/\/r2: ECONNREFUSED\. If it dies/,
    );
    watch('another replica answers at that address');
    await clock.advance(20_000);
    assert.deepEqual(warnings(), [warning], 'the reason may change all the time');
    assert.equal(log.filter((line) => line === `warn ${warning}`).length, 1);
    watch(null);
    await clock.advance(1_000);
    assert.deepEqual([warnings(), it.vitals().leaderWatched], [[], true]);
    assert.ok(log.includes('info a warning is resolved'));
    it.stop();
  });

  it('is no matter while its connection is only made anew now and then', async () => {
    const { it, clock, watch, warnings } = set();
    for (let i = 0; i < 10; i++) {
      watch('ECONNRESET');
      await clock.advance(4_000);
      watch(null);
      await clock.advance(1_000);
      assert.deepEqual(warnings(), []);
    }
    it.stop();
  });
});
