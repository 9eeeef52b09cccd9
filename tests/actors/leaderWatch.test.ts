import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leaderWatch } from '../../src/actors/leaderWatch.ts';
import type { Peers } from '../../src/actors/ports.ts';
import type { Grant, Lease } from '../../src/domain/lease.ts';

const EMPTY: Lease = {
  holder: null,
  boot: null,
  term: 0,
  address: null,
  acquired_at: null,
  began_by: null,
  renewed_at: null,
  expires_at: new Date(0),
  released_at: null,
  released_by: null,
  predecessor_died_at: null,
  step_down_term: null,
  watermark: { claimedThroughMs: 0, mirroredThroughMs: 0 },
};

const held = (holder: string, term: number, boot = `boot-${holder}`): Lease => (
  { ...EMPTY, holder, boot, term, address: `http://${holder}` }
);
const grant = (holder: string, term: number): Grant => ({ holder, boot: `boot-${holder}`, term });

/** The watch of `me`; `story` is what it asked of its peers, `dead` what it told. */
function watching() {
  const story: string[] = [];
  const dead: Grant[] = [];
  const die = new Map<string, (sinceMs: number) => void>();
  const peers: Peers = {
    watch({ address, boot }, onDead) {
      story.push(`watch ${boot} at ${address}`);
      die.set(boot, onDead);
      return () => void story.push(`end ${boot}`);
    },
  };
  const watch = leaderWatch(peers, 'boot-me', (grant) => dead.push(grant));
  return { ...watch, story, dead, dies: (holder: string) => die.get(`boot-${holder}`)?.(0) };
}

describe('leaderWatch', () => {
  it('watches the process that holds the lease, once, however often the lease is read', () => {
    const { follow, story } = watching();
    for (let i = 0; i < 3; i++) follow(held('a', 1));
    assert.deepEqual(story, ['watch boot-a at http://a']);
  });

  it('tells a death with the grant that is to be pre-empted', () => {
    const { follow, dead, dies } = watching();
    follow(held('a', 1));
    assert.deepEqual(dead, []);
    dies('a');
    assert.deepEqual(dead, [grant('a', 1)]);
  });

  it('goes on with the same connection under a newer term, and tells the newest', () => {
    const { follow, story, dead, dies } = watching();
    follow(held('a', 1));
    follow(held('a', 4));
    assert.deepEqual(story, ['watch boot-a at http://a']);
    dies('a');
    assert.deepEqual(dead, [grant('a', 4)]);
  });

  it('watches another life of the same replica anew', () => {
    const { follow, story } = watching();
    follow(held('a', 1));
    follow(held('a', 2, 'boot-a2'));
    assert.deepEqual(story, ['watch boot-a at http://a', 'end boot-a', 'watch boot-a2 at http://a']);
  });

  it('ends one watch before the next, and comes back to a process that leads again', () => {
    const { follow, story } = watching();
    for (const [holder, term] of [['a', 1], ['b', 2], ['a', 3]] as const) follow(held(holder, term));
    assert.deepEqual(story, [
      'watch boot-a at http://a',
      'end boot-a',
      'watch boot-b at http://b',
      'end boot-b',
      'watch boot-a at http://a',
    ]);
  });

  it('does not watch this very process', () => {
    const { follow, story, end } = watching();
    follow(held('me', 1));
    assert.deepEqual(story, []);
    follow(held('a', 2));
    follow(held('me', 3));
    assert.deepEqual(story, ['watch boot-a at http://a', 'end boot-a']);
    end();
    assert.equal(story.length, 2);
  });

  it('has nobody to watch before anybody led', () => {
    const { follow, story, end } = watching();
    follow(EMPTY);
    end();
    assert.deepEqual(story, []);
  });

  it('ends', () => {
    const { follow, story, end } = watching();
    follow(held('a', 1));
    end();
    assert.deepEqual(story, ['watch boot-a at http://a', 'end boot-a']);
  });
});
