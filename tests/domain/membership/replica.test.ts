import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  clusterWarnings,
  optionalSettings,
  type Replica,
  timingWarnings,
} from '../../../src/domain/membership/replica.ts';
import { announcement } from '../../support/replicas.ts';

const THREE = { duration_ms: 3000, retry_ms: 300, margin_ms: 500 };
const NINE = { ...THREE, duration_ms: 9000 };

function replica(id: string, more: Partial<Replica> = {}): Replica {
  const { transition_count: _, ...announced } = announcement(id);
  return { ...announced, last_seen: new Date(0), lost_at: null, ...more };
}

describe('the lease settings of several replicas', () => {
  it('are no matter while they are alike, or there is one', () => {
    assert.deepEqual(timingWarnings([]), []);
    assert.deepEqual(timingWarnings([replica('a')]), []);
    assert.deepEqual(timingWarnings([replica('a'), replica('b')]), []);
  });

  for (const [name, value] of [['duration_ms', 9000], ['retry_ms', 200], ['margin_ms', 700]] as const) {
    it(`are told when they differ in ${name}`, () => {
      const odd = replica('c', { lease_timing: { ...THREE, [name]: value } });
      assert.equal(timingWarnings([replica('a'), odd, replica('b')]).length, 1);
    });
  }

  it('are told with who has which', () => {
    assert.deepEqual(timingWarnings([replica('a'), replica('c', { lease_timing: NINE }), replica('b')]), [
      'replicas have different lease settings: LEASE_DURATION=3s LEASE_RETRY_PERIOD=300ms LEASE_MARGIN=500ms on a, b; ' +
      'LEASE_DURATION=9s LEASE_RETRY_PERIOD=300ms LEASE_MARGIN=500ms on c. Use the same settings on all replicas',
    ]);
  });

  it('are ignored for a version that omits them', () => {
    assert.deepEqual(timingWarnings([replica('a'), replica('old', { lease_timing: null })]), []);
  });

  it('are told in a sentence of bounded length', () => {
    const many = Array.from({ length: 100 }, (_, i) => replica(`r${i}`));
    const [sentence] = timingWarnings([...many, replica('odd', { lease_timing: NINE })]);
    assert.match(sentence ?? '', /on r0, .*, r9 and 90 more; /);
  });
});

describe('the warnings of a cluster', () => {
  it('are those of each replica that is there, and those among them', () => {
    const lost = { lost_at: new Date(1), lease_timing: NINE, warnings: ['gone'] };
    const replicas = [replica('a', { warnings: ['x', 'y'] }), replica('b'), replica('c', lost)];
    assert.deepEqual(clusterWarnings(replicas), ['a: x', 'a: y']);
    assert.equal(clusterWarnings([...replicas, replica('d', { lease_timing: NINE })]).length, 3);
  });

  it('are none of an entry that an older version wrote', () => {
    const { lease_timing: _, warnings: __, places: ___, ...old } = replica('old');
    assert.deepEqual(optionalSettings(old), { lease_timing: null, warnings: [], places: null });
    assert.deepEqual(clusterWarnings([{ ...old, ...optionalSettings(old) } as Replica, replica('a')]), []);
    const strange = { ...old, lease_timing: { duration_ms: 'long' }, warnings: 'many', places: { used: 1 } };
    assert.deepEqual(optionalSettings(strange), { lease_timing: null, warnings: [], places: null });
  });
});
