import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adoptionMachine, MAX_ADOPTED } from '../../../src/actors/runs/adoption.ts';
import { DEAD_AFTER_MS } from '../../../src/actors/runs/executorWatch.ts';
import { HEAD_START_MS } from '../../../src/actors/leadership/headStart.ts';
import { lost, type RunChange } from '../../../src/domain/runs/life.ts';
import { type Run, type RunWork, workOf } from '../../../src/domain/runs/run.ts';
import { calls, underParent } from '../../support/machines/actors.ts';
import { claimed } from '../../support/runs.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { afterLoss, ENDING, input, LOST, ORPHAN, T, WON } from './adoptionSetup.ts';

/** A leader since a moment ago, whose store answers when the test says so. */
async function leading() {
  const clock = new SimClock(T - HEAD_START_MS);
  const parts = input(clock);
  const search = calls<Run[], { boot: string }>();
  const adopt = calls<Run[], { changes: readonly RunChange[] }>();
  const notes: string[] = [];
  const under = underParent(
    adoptionMachine.provide({
      actors: { search: search.slot, adopt: adopt.slot },
      actions: {
        report: (_, { message }) => void notes.push(message),
        adopted: (_, { runs }) => void notes.push(runs.map(({ state }) => state).join(' ')),
      },
    }),
    { clock, input: parts.input },
  );
  under.child.send(WON);
  await clock.advance(HEAD_START_MS);
  return {
    ...parts,
    clock,
    search,
    adopt,
    notes,
    under,
    /** Answers `count` looks, one a second. */
    async answersSearches(count: number, orphans: Run[] = []) {
      for (let k = 0; k < count; k++) {
        await search.last.answer(orphans);
        await clock.advance(1000);
      }
    },
  };
}

describe('adoption, as an actor', () => {
  it('adopts what is orphaned once it has watched for as long as an executor may not be seen', async () => {
    const { search, adopt, notes, answersSearches, under } = await leading();
    assert.deepEqual(search.last.input, { boot: 'b2' });
    await answersSearches(DEAD_AFTER_MS / 1000, [ORPHAN]);
    assert.equal(adopt.list.length, 0, 'the store may have been away until just now');
    await search.last.answer([ORPHAN]);
    assert.deepEqual(adopt.last.input, { changes: [lost(ORPHAN, new Date(T + DEAD_AFTER_MS))] });
    assert.deepEqual(notes, [], 'not before it is durable');
    await adopt.last.answer([afterLoss(ORPHAN)]);
    assert.deepEqual([notes, under.state], [['claimed'], 'resting']);
  });

  const interruptions: Record<string, (it: Awaited<ReturnType<typeof leading>>) => Promise<void>> = {
    'a search without an answer': async ({ clock, search }) => {
      await search.last.fail();
      await clock.advance(1000);
    },
    'an answer that was late': async ({ clock, search }) => {
      await clock.advance(1001);
      await search.last.answer([ORPHAN]);
      await clock.advance(1000);
    },
    'another leadership in between': async ({ clock, under }) => {
      under.child.send(LOST);
      under.child.send(WON);
      await clock.advance(HEAD_START_MS);
    },
  };
  for (const [what, interrupt] of Object.entries(interruptions)) {
    it(`begins its watch anew after ${what}`, async () => {
      const it = await leading();
      await it.answersSearches(5);
      await interrupt(it);
      const already = what.startsWith('an answer') ? 1 : 0;
      await it.answersSearches(5 - already, [ORPHAN]);
      assert.equal(it.adopt.list.length, 0);
      await it.search.last.answer([ORPHAN]);
      assert.equal(it.adopt.list.length, 1);
    });
  }

  it('begins its watch anew when the clock was set', async () => {
    for (const stepMs of [-60_000, 60_000]) {
      const { search, adopt, stepped, answersSearches } = await leading();
      await answersSearches(5);
      stepped.ms = stepMs;
      await answersSearches(5, [ORPHAN]);
      assert.equal(adopt.list.length, 0);
      await search.last.answer([ORPHAN]);
      assert.equal(adopt.list.length, 1);
    }
  });

  it('begins its watch anew when the clock was set and put right between two answers', async () => {
    const { search, adopt, stepped, answersSearches, clock } = await leading();
    await answersSearches(5);
    stepped.atMs = clock.monotonic();
    await answersSearches(5, [ORPHAN]);
    assert.equal(adopt.list.length, 0, 'a heartbeat in between had another time');
    await search.last.answer([ORPHAN]);
    assert.equal(adopt.list.length, 1);
  });

  it("begins its watch anew after an answer that was late, also when the server's clock hides that", async () => {
    const { search, adopt, stepped, answersSearches, clock } = await leading();
    await answersSearches(5);
    // As when it was suspended, or the store kept it waiting, while the server's clock was set back.
    await clock.advance(9000);
    stepped.ms = -8500;
    await search.last.answer([ORPHAN]);
    assert.equal(adopt.list.length, 0);
    await clock.advance(1000);
    await answersSearches(4, [ORPHAN]);
    assert.equal(adopt.list.length, 0);
    await search.last.answer([ORPHAN]);
    assert.equal(adopt.list.length, 1);
  });

  it('decides nothing without trust in the lease, though it still believes that it leads', async () => {
    const { search, adopt, trust, answersSearches, under, clock } = await leading();
    await answersSearches(5);
    trust.is = false;
    await search.last.answer([ORPHAN]);
    assert.deepEqual([under.state, adopt.list.length], ['resting', 0]);
    trust.is = true;
    await clock.advance(1000);
    await search.last.answer([ORPHAN]);
    assert.equal(adopt.list.length, 1);
  });

  it('looks again at once when there may be more than one adoption takes', async () => {
    const { search, adopt, answersSearches, under } = await leading();
    await answersSearches(5);
    const many = Array.from({ length: MAX_ADOPTED }, (_, k) => claimed('s', T - 20_000 + k));
    await search.last.answer(many);
    assert.equal(adopt.last.input.changes.length, MAX_ADOPTED);
    const before = search.list.length;
    await adopt.last.answer([]);
    assert.deepEqual([under.state, search.list.length], ['searching', before + 1]);
    await search.last.answer(many.slice(1));
    await adopt.last.answer([]);
    assert.deepEqual([under.state, search.list.length], ['resting', before + 1]);
  });

  it('decides for each run by what that was claimed with, whatever has become of its schedule', async () => {
    const { search, adopt, answersSearches } = await leading();
    const { policy, ...rest } = workOf({ work: null });
    const careful: RunWork = { ...rest, policy: { ...policy, on_executor_loss: 'abandon' } };
    await answersSearches(5);
    await search.last.answer([
      claimed('s', T - 10_000),
      claimed('s', T - 9000, { work: careful }),
      claimed('s', T - 8000, { is_last_attempt: true }),
      claimed('s', T - 7000, { is_last_attempt: true, reason: 'requested' }),
      claimed('s', T - 6000, { losses: 2 }),
    ]);
    assert.deepEqual(adopt.last.input.changes.map(({ set }) => [set.state, set.reason ?? set.waiting_for]), [
      ['claimed', 'place'],
      ['abandoned', 'executor_lost'],
      ['abandoned', 'schedule_gone'],
      ['cancelled', undefined],
      ['abandoned', 'executor_lost'],
    ]);
  });

  it('heeds no answer that comes after the lease was lost while it looked', async () => {
    const { search, adopt, answersSearches, under, clock } = await leading();
    await answersSearches(5);
    under.child.send(ENDING);
    assert.equal(search.last.signal.aborted, true);
    await search.last.answer([ORPHAN]);
    await clock.advance(5000);
    assert.deepEqual([under.state, adopt.list.length, clock.timers], ['idle', 0, 0]);
  });

  it('tells what its last adoption has done though the lease is lost before the answer', async () => {
    const { search, adopt, answersSearches, under, clock, notes } = await leading();
    await answersSearches(5);
    await search.last.answer([ORPHAN]);
    under.child.send(LOST);
    await adopt.last.answer([afterLoss(ORPHAN)]);
    assert.deepEqual([notes, under.state], [['claimed'], 'idle']);
    await clock.advance(10_000);
    assert.deepEqual([adopt.list.length, clock.timers], [1, 0]);
  });
});
