/** Executors that are silent for a while, and alive: what becomes of their runs (G7). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEAD_AFTER_MS } from '../../../src/actors/runs/executorWatch.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { SimCluster, unreachable } from '../../support/simCluster.ts';
import { ADOPTED_WITHIN_MS, assertNoneOpen, executionsOf, lostWithOneRun } from './adoptionScenario.ts';

describe('an executor that was frozen', () => {
  it('does not begin, or record, what was adopted when it wakes', async () => {
    const { cluster, old, run, stored } = await lostWithOneRun('retry', (old) => old.freeze());
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const adopted = await stored();
    assert.deepEqual([adopted.state, adopted.attempt], ['succeeded', 2]);
    old.wake();
    await cluster.clock.advance(3000);
    assert.deepEqual(executionsOf(cluster, run), [`2 ${adopted.executor}`]);
    assert.deepEqual(await stored(), adopted);
    assert.equal(old.replica.jobs.size, 0, 'it has forgotten the run');
    await assertNoneOpen(cluster);
  });

  it('asks, and starts the run, when it was not adopted', async () => {
    const { cluster, old, run, stored } = await lostWithOneRun('retry', (old) => old.freeze());
    await cluster.clock.advance(4000);
    let asked = 0;
    old.link.trouble = (op, run) => {
      if (op === 'runs.get' && asked++ === 0) return unreachable();
      return run();
    };
    old.wake();
    await cluster.clock.advance(1000);
    const { state, attempt } = await stored();
    assert.deepEqual([state, attempt, asked, executionsOf(cluster, run)], ['succeeded', 1, 2, [
      `1 ${old.id}`,
    ]]);
  });
});

describe('an executor that lives', () => {
  it('keeps its runs when another leads, and records them', async () => {
    const cluster = await SimCluster.ofThree();
    const old = cluster.leader();
    await cluster.create('s', 1000);
    let end = () => {};
    cluster.attempt = () => new Promise<void>((resolve) => (end = resolve));
    await cluster.clock.advance(1010);
    const [run] = await cluster.runs('s') as [Run];
    cluster.attempt = () => Promise.resolve();
    old.link.trouble = (op, run) =>
      op.startsWith('lease.') || op.startsWith('claims.') ? unreachable() : run();
    await cluster.clock.advance(ADOPTED_WITHIN_MS + 2 * DEAD_AFTER_MS);
    assert.notEqual(cluster.leader(), old);
    assert.equal((await cluster.user.runs.get(run.id) as Run | null)?.attempt, 1);
    end();
    await cluster.clock.advance(100);
    const ended = await cluster.user.runs.get(run.id) as Run | null;
    assert.deepEqual([ended?.state, ended?.attempt, ended?.executor], ['succeeded', 1, old.id]);
    assert.deepEqual(executionsOf(cluster, run), [`1 ${old.id}`]);
  });

  it('keeps its runs when the store was away from everybody for long', async () => {
    const cluster = await SimCluster.ofThree();
    const old = cluster.leader();
    await cluster.create('s', 1000);
    cluster.attempt = () => new Promise((resolve) => cluster.clock.setTimeout(resolve, 29_000));
    await cluster.clock.advance(1010);
    cluster.attempt = () => Promise.resolve();
    for (const replica of cluster.replicas) replica.link.trouble = unreachable;
    await cluster.clock.advance(2 * DEAD_AFTER_MS);
    // The next leader reaches the store before the executor announces itself.
    for (const replica of cluster.replicas) {
      replica.link.trouble = (op, run) => op === 'presence.announce' ? unreachable() : run();
    }
    await cluster.clock.advance(1500);
    for (const replica of cluster.replicas) replica.link.trouble = null;
    await cluster.clock.advance(20_000);
    const [run] = await cluster.runs('s') as [Run];
    assert.deepEqual([run.state, run.attempt, run.executor], ['succeeded', 1, old.id]);
    await assertNoneOpen(cluster);
  });
});

describe("an executor that lives while the server's clock is set", () => {
  it('keeps its runs, though by that clock it was not seen for long', async () => {
    const cluster = await SimCluster.ofThree();
    const old = cluster.leader();
    await cluster.create('s', 1000);
    cluster.attempt = () => new Promise((resolve) => cluster.clock.setTimeout(resolve, 29_000));
    await cluster.clock.advance(1010);
    cluster.attempt = () => Promise.resolve();
    await cluster.user.lease.askToStepDown((await cluster.user.lease.read()).lease.term);
    await cluster.clock.advance(500);
    const next = cluster.leader();
    assert.notEqual(next, old);
    // It has watched for long enough, and is about to look.
    await cluster.clock.advance(DEAD_AFTER_MS + 2000);
    next.link.trouble = async (op, run) => {
      if (op === 'runs.orphans' && cluster.serverClock.offsetMs === 0) cluster.serverClock.offsetMs = 20_000;
      return await run();
    };
    await cluster.clock.advance(25_000);
    assert.equal(cluster.serverClock.offsetMs, 20_000);
    const [run] = await cluster.runs('s') as [Run];
    assert.deepEqual([run.state, run.attempt, run.executor], ['succeeded', 1, old.id]);
  });
});
