/** What replicas tell their observer, against what the store holds in the end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_WORK } from '../../harness/definitions.ts';
import type { ReplicaObserver } from '../../src/actors/observer.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import { loseAnswers, SimCluster, unreachable } from '../support/simCluster.ts';

/** Three replicas that are observed from the start. */
async function observed() {
  const cluster = new SimCluster();
  const told = {
    claimed: [] as Run[],
    attempts: [] as Run[],
    settled: [] as string[],
    abandoned: 0,
    terms: [] as string[],
  };
  const observer: ReplicaObserver = {
    claimed: (runs) => void told.claimed.push(...runs),
    attempting: (run) => void told.attempts.push(run),
    settled: ({ run_id }) => void told.settled.push(run_id),
    clockStepped: () => {},
    abandoned: (count) => void (told.abandoned += count),
    election(news) {
      if (news.type === 'ELECTION.BEGAN') told.terms.push(`${news.acquisition.lease.began_by}`);
      if (news.type === 'ELECTION.ENDED') told.terms.push(news.by);
    },
  };
  cluster.replicaObserver = observer;
  for (const id of ['r1', 'r2', 'r3']) cluster.add(id);
  await cluster.clock.advance(1000);
  return { cluster, told };
}

const ids = (runs: readonly Run[]) => runs.map(({ id }) => id).toSorted();

describe('what an observer is told', () => {
  for (const happened of [true, false]) {
    it(`has each claim once, also one without an answer that was ${happened ? '' : 'not '}committed`, async () => {
      const { cluster, told } = await observed();
      await cluster.create('s', 100);
      await cluster.clock.advance(1010);
      const lost = loseAnswers(cluster.leader(), 3, happened);
      await cluster.clock.advance(2000);
      assert.equal(lost(), 3);
      const stored = await cluster.runs('s');
      assert.equal(stored.length, 30);
      assert.deepEqual(ids(told.claimed), ids(stored));
      assert.deepEqual(ids(told.attempts), ids(stored));
      assert.deepEqual(told.settled.toSorted(), ids(stored));
    });
  }

  it('has each end once: not of an attempt that another has taken over from, but of one without an answer', async () => {
    const { cluster, told } = await observed();
    await cluster.create('s', 60_000);
    cluster.attempt = () => new Promise((resolve) => cluster.clock.setTimeout(resolve, 25_000));
    await cluster.clock.advance(60_500);
    const [old, others] = [cluster.leader(), cluster.followers()];
    // Its attempt goes on, and others take it for dead.
    old.link.trouble = () => unreachable();
    let lost = 0;
    for (const replica of others) {
      replica.link.trouble = async (op, run) => {
        const answer = await run();
        if (op === 'runs.record' && lost++ === 0) return await unreachable();
        return answer;
      };
    }
    await cluster.clock.advance(15_000);
    old.link.trouble = null;
    await cluster.clock.advance(45_000);
    const [run] = await cluster.runs('s') as [Run];
    assert.deepEqual([run.state, run.attempt, told.attempts.filter(({ id }) => id === run.id).length], [
      'succeeded',
      2,
      2,
    ]);
    assert.ok(lost > 1);
    assert.deepEqual(told.settled.filter((id) => id === run.id), [run.id]);
  });

  it('has how late each attempt is, as the run will say', async () => {
    const { cluster, told } = await observed();
    await cluster.create('s', 100);
    await cluster.clock.advance(1010);
    const stored = new Map((await cluster.runs('s')).map((run) => [run.id, run.lateness_ms]));
    assert.ok(told.attempts.length >= 10);
    for (const { id, attempt, lateness_ms } of told.attempts) {
      assert.deepEqual([attempt, lateness_ms], [1, stored.get(id)]);
    }
  });

  it('has how terms begin and end, and what is missed and abandoned', async () => {
    const { cluster, told } = await observed();
    const policy = { ...DEFAULT_WORK.policy, catch_up: 'none', on_executor_loss: 'abandon' } as const;
    await cluster.create('s', 1000, { policy });
    cluster.attempt = () => new Promise(() => {});
    await cluster.clock.advance(2500);
    const old = cluster.leader();
    old.crash();
    for (const replica of cluster.followers()) replica.link.trouble = () => unreachable();
    await cluster.clock.advance(10_000);
    for (const replica of cluster.followers()) replica.link.trouble = null;
    await cluster.clock.advance(10_000);
    const stored = await cluster.runs('s');
    const count = (runs: readonly Run[], state: string) =>
      runs.filter((run) => run.state === state).reduce((sum, run) => sum + run.count, 0);
    assert.ok(count(stored, 'missed') > 0);
    assert.equal(count(told.claimed, 'missed'), count(stored, 'missed'));
    assert.equal(told.abandoned, 2);
    assert.equal(count(stored, 'abandoned'), 2);
    assert.deepEqual(told.terms, ['acquired', 'acquired']);
  });
});

describe("a replica's vital signs", () => {
  it('say who leads, under which term, how far, and what is going on', async () => {
    const { cluster } = await observed();
    await cluster.create('s', 1000);
    cluster.attempt = () => new Promise(() => {});
    await cluster.clock.advance(1500);
    const { lease } = await cluster.user.lease.read();
    for (const { id, replica } of cluster.replicas) {
      const { watermarkMs, ...vitals } = replica.vitals();
      const leads = id === cluster.leader().id;
      assert.deepEqual(vitals, {
        ...{
          leads,
          term: 1,
          schedules: 1,
          moments: 0,
          liveJobs: Number(leads),
          places: { used: Number(leads), max: 500 },
          notUnderstood: 0,
          clockBehindMs: 0,
        },
      });
      assert.ok(
        watermarkMs !== null && watermarkMs > lease.watermark.mirroredThroughMs - 1000,
        `${watermarkMs}`,
      );
    }
  });

  it('say of a leader that has slept through its lease that it lives: it need not be killed', async () => {
    const { cluster } = await observed();
    await cluster.create('s', 1000);
    await cluster.clock.advance(1500);
    const leader = cluster.leader();
    leader.freeze();
    await cluster.clock.advance(60_000);
    assert.deepEqual([leader.role, leader.replica.status().live], ['leader', true]);
    leader.wake();
    await cluster.clock.advance(1000);
    assert.deepEqual([leader.role, leader.replica.status().live], ['follower', true]);
  });

  it('say nothing of a watermark that is not known, and lead only while the lease is trusted', async () => {
    const { cluster } = await observed();
    const leader = cluster.leader();
    leader.freeze();
    await cluster.clock.advance(6000);
    // Its own machine still believes what it believed.
    assert.deepEqual([leader.role, leader.replica.vitals().leads], ['leader', false]);
    const late = cluster.add('r4');
    assert.equal(late.replica.vitals().watermarkMs, null);
  });
});
