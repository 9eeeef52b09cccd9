/** Fast takeover (G5) on replicas as they are, which see each other's processes die. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wait } from '../../../src/actors/shared/wait.ts';
import { DEFAULT_POLICY, type Policy } from '../../../src/domain/schedules/policy.ts';
import { LEASE } from '../../../harness/sim/cluster.ts';
import type { SimProcess } from '../../../harness/sim/process.ts';
import { assertOnceEach, SimCluster, unreachable } from '../../support/simCluster.ts';
import { heirs, seeing } from './takeoverSetup.ts';

describe('a leader that stops', () => {
  it('is followed by its heir, and no other replica requests the lease', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    const heir = cluster.replicas.find(({ boot }) => boot === cluster.peers.heirOf(old.boot));
    const asked: string[] = [];
    for (const replica of cluster.replicas) {
      replica.link.trouble = (op, run) => {
        if (op === 'lease.acquire') asked.push(replica.id);
        return run();
      };
    }
    const stopped = old.stop();
    await cluster.clock.advance(1000);
    await stopped;
    assert.deepEqual([asked, heirs(cluster, [old])], [[heir?.id], [heir]]);
    assert.ok(await assertOnceEach(cluster, 's', 20) >= 100);
  });

  it('is followed by another one when the heir is frozen just then', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    const heir = cluster.replicas.find(({ boot }) => boot === cluster.peers.heirOf(old.boot));
    heir?.freeze();
    const stopped = old.stop();
    await cluster.clock.advance(LEASE.retryMs * 1.1 + 150);
    assert.equal(heirs(cluster, [old, heir]).length, 1);
    heir?.wake();
    await cluster.clock.advance(1000);
    await stopped;
    assert.equal(heirs(cluster, [old, heir]).length, 1, 'the heir came too late');
    assert.ok(await assertOnceEach(cluster, 's', 20) >= 100);
  });
});

describe('an ordinary takeover', () => {
  const policies: Policy[] = (['all', 'latest', 'none'] as const).flatMap((catch_up) =>
    (['0s', '20ms', '60s'] as const).map((catch_up_window) => (
      { ...DEFAULT_POLICY, catch_up, catch_up_window }
    ))
  );
  const losses: Record<string, (leader: SimProcess) => void> = {
    'is frozen': (leader) => leader.freeze(),
    'is cut off': (leader) => (leader.link.trouble = unreachable),
    crashes: (leader) => leader.crash(),
  };
  for (const [what, lose] of Object.entries(losses)) {
    it(`costs no run, whatever the policy, when the leader ${what}`, async () => {
      const cluster = await SimCluster.ofThree();
      const old = cluster.leader();
      for (const [index, policy] of policies.entries()) await cluster.create(`s${index}`, 10, { policy });
      await cluster.clock.advance(300);
      // A claim takes a while, as on a real store.
      for (const replica of cluster.replicas) {
        replica.link.trouble = async (op, run) => {
          if (op === 'claims.claim') await wait(cluster.clock, 7);
          return await run();
        };
      }
      await cluster.clock.advance(500);
      lose(old);
      await cluster.clock.advance(4000);
      assert.equal(heirs(cluster, [old]).length, 1);
      for (const [index, { catch_up, catch_up_window }] of policies.entries()) {
        const states = (await cluster.runs(`s${index}`)).map(({ state, reason }) => `${state} ${reason}`);
        const lost = states.filter((state) => state.startsWith('missed') || state.startsWith('skipped'));
        assert.deepEqual([lost, states.length > 400], [[], true], `${catch_up} ${catch_up_window}`);
      }
    });
  }
});

describe('a leader that does not hear that it won', () => {
  it('asks again, and does not wait for its own lease to run out', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    let lost = 0;
    for (const replica of cluster.replicas) {
      replica.link.trouble = async (op, run) => {
        const answer = await run();
        return op === 'lease.acquire' && lost++ === 0 ? await unreachable() : answer;
      };
    }
    const stopped = old.stop();
    await cluster.clock.advance(2.2 * LEASE.retryMs);
    assert.deepEqual([lost, heirs(cluster, [old]).length], [2, 1]);
    await cluster.clock.advance(1000);
    await stopped;
    assert.ok(await assertOnceEach(cluster, 's', 20) >= 50);
    const terms = await cluster.user.leadership.list(10);
    assert.deepEqual(terms.map((each) => each.term), [3, 2, 1], 'the unheard term is told as well');
  });
});

describe('a leader whose process is gone', () => {
  it('is replaced at once: nothing is lost, nothing fired twice, and the history says how', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    const crashedMs = cluster.clock.now();
    old.crash();
    await cluster.clock.advance(50);
    assert.equal(heirs(cluster, [old]).length, 1);
    await cluster.clock.advance(1000);
    assert.ok(await assertOnceEach(cluster, 's', 20) >= 100);
    const [now, before] = await cluster.user.leadership.list(10);
    assert.deepEqual([now?.began_by, before?.ended_by, before?.replica], ['pre-empted', 'fenced', old.id]);
    // The term ended with the crash, which its peers noticed some milliseconds later.
    const afterMs = (before?.ended_at?.getTime() ?? 0) - crashedMs;
    assert.ok(Math.abs(afterMs) <= 1, `${afterMs}`);
    const gapMs = now?.gap_ms ?? -1;
    assert.equal(gapMs, (now?.began_at.getTime() ?? 0) - (before?.ended_at?.getTime() ?? 0));
    assert.ok(gapMs >= 1 && gapMs <= 50, `${gapMs}`);
  });

  it('is replaced again when its successor dies', async () => {
    const cluster = await seeing();
    const dead = [cluster.leader()];
    dead[0]?.crash();
    await cluster.clock.advance(400);
    dead.push(...heirs(cluster, dead));
    dead[1]?.crash();
    await cluster.clock.advance(50);
    assert.equal(heirs(cluster, dead).length, 1);
    await cluster.clock.advance(500);
    await assertOnceEach(cluster, 's', 20);
    const terms = await cluster.user.leadership.list(10);
    assert.deepEqual(terms.map((each) => each.term), [3, 2, 1]);
  });
});

describe('a leader that does not answer', () => {
  it('is not pre-empted: only its lease says when it is over', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    old.freeze();
    await cluster.clock.advance(LEASE.durationMs - LEASE.retryMs);
    assert.equal(heirs(cluster, [old]).length, 0);
    await cluster.clock.advance(2 * LEASE.retryMs);
    assert.equal(heirs(cluster, [old]).length, 1);
    old.wake();
    await cluster.clock.advance(1000);
    await assertOnceEach(cluster, 's', 20);
    const [now, before] = await cluster.user.leadership.list(10);
    assert.deepEqual([now?.began_by, before?.ended_by], ['acquired', 'expired']);
    assert.ok((now?.gap_ms ?? -1) >= 0 && (now?.gap_ms as number) < LEASE.retryMs);
  });

  it('gives back a lease that it let run out, when a renewal took effect that it had given up', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    const cutMs = cluster.clock.now();
    const trustedMs = LEASE.durationMs - LEASE.marginMs;
    let late = 0;
    old.link.trouble = async (op, run) => {
      const sinceMs = cluster.clock.now() - cutMs;
      if (op === 'lease.read' || sinceMs > trustedMs - 50) return await run();
      if (op !== 'lease.renew' || sinceMs < trustedMs - LEASE.retryMs - 100) return await unreachable();
      late++;
      await run();
      return await new Promise<never>(() => {});
    };
    await cluster.clock.advance(trustedMs + 100);
    assert.equal(late, 1);
    assert.deepEqual([old.role, heirs(cluster, [old]).length], ['follower', 1]);
    await cluster.clock.advance(1000);
    assert.equal(heirs(cluster, [old]).length, 1);
    assert.ok(await assertOnceEach(cluster, 's', 20) >= 100);
    const [now, before] = await cluster.user.leadership.list(10);
    assert.deepEqual([now?.began_by, before?.ended_by, before?.replica], ['acquired', 'expired', old.id]);
    assert.ok((now?.gap_ms ?? -1) >= 0 && (now?.gap_ms as number) < 50, `${now?.gap_ms}`);
  });

  it('is recorded as released after a release', async () => {
    const cluster = await seeing();
    const stopped = cluster.leader().stop();
    await cluster.clock.advance(200);
    await stopped;
    const [now, before] = await cluster.user.leadership.list(10);
    assert.deepEqual([now?.began_by, before?.ended_by], ['acquired', 'released']);
  });
});
