import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leaderWatch } from '../../../src/actors/leadership/leaderWatch.ts';
import type { Peers } from '../../../src/actors/leadership/peers.ts';
import type { Grant, Lease, LeaseReading } from '../../../src/domain/leadership/lease.ts';
import { leaseWith } from '../../support/leases.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

const EMPTY = leaseWith({});

const held = (holder: string, term: number, boot = `boot-${holder}`): Lease => (
  leaseWith({ holder, boot, term, address: `http://${holder}`, acquired_at: new Date(1000 * term) })
);
const grant = (holder: string, term: number): Grant => ({ holder, boot: `boot-${holder}`, term });

/** A reading of the lease so long after it was acquired. */
function read(lease: Lease, sinceMs = 0): LeaseReading {
  return { lease, serverNowMs: (lease.acquired_at?.getTime() ?? 0) + sinceMs };
}

/** The watch of `me`; `story` is what it asked of its peers, `dead` what it told. */
function watching() {
  const story: string[] = [];
  const dead: Grant[] = [];
  const die = new Map<string, (sinceMs: number) => void>();
  const peers: Peers = {
    heir: () => null,
    watch({ address, boot }, onDead) {
      story.push(`watch ${boot} at ${address}`);
      die.set(boot, onDead);
      return () => void story.push(`end ${boot}`);
    },
  };
  const clock = new SimClock();
  const watch = leaderWatch(peers, clock, 'boot-me', (grant) => dead.push(grant));
  /** It is read, and time enough to meet the holder goes by. */
  const follow = async (lease: Lease) => {
    watch.follow(read(lease));
    await clock.advance(50);
  };
  return {
    ...watch,
    follow,
    read: (lease: Lease, sinceMs?: number) => watch.follow(read(lease, sinceMs)),
    clock,
    story,
    dead,
    dies: (holder: string) => die.get(`boot-${holder}`)?.(0),
  };
}

describe('leaderWatch', () => {
  it('watches the process that holds the lease, once, however often the lease is read', async () => {
    const { follow, story } = watching();
    for (let i = 0; i < 3; i++) await follow(held('a', 1));
    assert.deepEqual(story, ['watch boot-a at http://a']);
  });

  it('leaves a new leader alone for a moment, and does not meet one that is replaced by then', async () => {
    const { read, clock, story } = watching();
    read(held('a', 1));
    await clock.advance(49);
    assert.deepEqual(story, []);
    await clock.advance(1);
    assert.deepEqual(story, ['watch boot-a at http://a']);
    read(held('b', 2));
    await clock.advance(10);
    read(held('c', 3));
    await clock.advance(1000);
    assert.deepEqual(story.slice(1), ['end boot-a', 'watch boot-c at http://c']);
  });

  it('meets one at once that has led for longer, whatever the clocks say', async () => {
    for (const [sinceMs, afterMs] of [[50, 0], [1e6, 0], [30, 20], [-1e6, 50]] as const) {
      const { read, clock, story } = watching();
      read(held('a', 1), sinceMs);
      await clock.advance(afterMs - 1);
      assert.deepEqual(story, []);
      await clock.advance(1);
      assert.deepEqual(story, ['watch boot-a at http://a']);
    }
  });

  it('meets no replica once it has ended', async () => {
    const { read, end, clock, story } = watching();
    read(held('a', 1));
    end();
    await clock.advance(1000);
    assert.deepEqual([story, clock.timers], [[], 0]);
  });

  it('tells a death with the grant that is to be pre-empted', async () => {
    const { follow, dead, dies } = watching();
    await follow(held('a', 1));
    assert.deepEqual(dead, []);
    dies('a');
    assert.deepEqual(dead, [grant('a', 1)]);
  });

  it('goes on with the same connection under a newer term, and tells the newest', async () => {
    const { follow, story, dead, dies } = watching();
    await follow(held('a', 1));
    await follow(held('a', 4));
    assert.deepEqual(story, ['watch boot-a at http://a']);
    dies('a');
    assert.deepEqual(dead, [grant('a', 4)]);
  });

  it('watches another life of the same replica anew', async () => {
    const { follow, story } = watching();
    await follow(held('a', 1));
    await follow(held('a', 2, 'boot-a2'));
    assert.deepEqual(story, ['watch boot-a at http://a', 'end boot-a', 'watch boot-a2 at http://a']);
  });

  it('ends one watch before the next, and comes back to a process that leads again', async () => {
    const { follow, story } = watching();
    for (const [holder, term] of [['a', 1], ['b', 2], ['a', 3]] as const) {
      await follow(held(holder, term));
    }
    assert.deepEqual(story, [
      'watch boot-a at http://a',
      'end boot-a',
      'watch boot-b at http://b',
      'end boot-b',
      'watch boot-a at http://a',
    ]);
  });

  it('does not watch this very process', async () => {
    const { follow, story, end } = watching();
    await follow(held('me', 1));
    assert.deepEqual(story, []);
    await follow(held('a', 2));
    await follow(held('me', 3));
    assert.deepEqual(story, ['watch boot-a at http://a', 'end boot-a']);
    end();
    assert.equal(story.length, 2);
  });

  it('watches nothing before the first term', async () => {
    const { follow, story, end } = watching();
    await follow(EMPTY);
    end();
    assert.deepEqual(story, []);
  });

  it('ends', async () => {
    const { follow, story, end } = watching();
    await follow(held('a', 1));
    end();
    assert.deepEqual(story, ['watch boot-a at http://a', 'end boot-a']);
  });
});
