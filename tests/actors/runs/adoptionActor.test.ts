import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adoptionMachine } from '../../../src/actors/runs/adoption.ts';
import type { SearchResult } from '../../../src/actors/runs/adoptionPlan.ts';
import { MAX_ADOPTED } from '../../../src/actors/runs/adoptionPlan.ts';
import { DEAD_AFTER_MS } from '../../../src/actors/runs/executorWatch.ts';
import { HEAD_START_MS } from '../../../src/actors/leadership/headStart.ts';
import type { Adopted, Adopter, Adoption } from '../../../src/domain/runs/adoption.ts';
import { manualRun, type Run } from '../../../src/domain/runs/run.ts';
import { NO_MARK } from '../../support/leases.ts';
import { calls, underParent } from '../../support/machines/actors.ts';
import { claimed } from '../../support/runs.ts';
import { every } from '../../support/schedules.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import {
  ASKED_FOR,
  done,
  ENDING,
  found,
  input,
  LOST,
  MINE,
  ORPHAN,
  REQUESTED,
  T,
  WON,
} from './adoptionSetup.ts';

/** A leader since a moment ago, whose store answers when the test says so. */
async function leading() {
  const clock = new SimClock(T - HEAD_START_MS);
  const parts = input(clock);
  const search = calls<SearchResult, { boot: string; knows: (id: string) => boolean }>();
  const adopt = calls<Adopted, { adoptions: readonly Adoption[]; by: Adopter }>();
  const notes: string[] = [];
  const under = underParent(
    adoptionMachine.provide({
      actors: { search: search.slot, adopt: adopt.slot },
      actions: {
        report: (_, { message }) => void notes.push(message),
        adopted: (_, { runs, abandoned, manual }) =>
          void notes.push(`${runs.length} adopted, ${abandoned.length} abandoned, ${manual} manual`),
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
        await search.last.answer(found(...orphans));
        await clock.advance(1000);
      }
    },
  };
}

describe('adoption, as an actor', () => {
  it('adopts what is orphaned once it has watched for as long as an executor may not be seen', async () => {
    const { search, adopt, adopted, notes, answersSearches, under } = await leading();
    const { boot, knows } = search.last.input;
    assert.deepEqual([boot, knows('s'), knows('other')], ['b2', true, false]);
    await answersSearches(DEAD_AFTER_MS / 1000, [ORPHAN]);
    assert.equal(adopt.list.length, 0, 'the store may have been away until just now');
    await search.last.answer(found(ORPHAN));
    assert.deepEqual(adopt.last.input, {
      adoptions: [{ how: 'retry', run: ORPHAN, at: new Date(T + DEAD_AFTER_MS) }],
      by: { replica: 'r2', boot: 'b2', term: 7 },
    });
    assert.deepEqual(adopted, [], 'not before it is durable');
    await adopt.last.answer(done(MINE));
    assert.deepEqual([adopted, notes], [[['s', ORPHAN.id]], ['1 adopted, 0 abandoned, 0 manual']]);
    assert.equal(under.state, 'resting');
  });

  const interruptions: Record<string, (it: Awaited<ReturnType<typeof leading>>) => Promise<void>> = {
    'a search without an answer': async ({ clock, search }) => {
      await search.last.fail();
      await clock.advance(1000);
    },
    'an answer that was late': async ({ clock, search }) => {
      await clock.advance(1001);
      await search.last.answer(found(ORPHAN));
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
      await it.search.last.answer(found(ORPHAN));
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
      await search.last.answer(found(ORPHAN));
      assert.equal(adopt.list.length, 1);
    }
  });

  it('begins its watch anew when the clock was set and put right between two answers', async () => {
    const { search, adopt, stepped, answersSearches, clock } = await leading();
    await answersSearches(5);
    stepped.atMs = clock.monotonic();
    await answersSearches(5, [ORPHAN]);
    assert.equal(adopt.list.length, 0, 'a heartbeat in between had another time');
    await search.last.answer(found(ORPHAN));
    assert.equal(adopt.list.length, 1);
  });

  it("begins its watch anew after an answer that was late, also when the server's clock hides that", async () => {
    const { search, adopt, stepped, answersSearches, clock } = await leading();
    await answersSearches(5);
    // As when it was suspended, or the store kept it waiting, while the server's clock was set back.
    await clock.advance(9000);
    stepped.ms = -8500;
    await search.last.answer(found(ORPHAN));
    assert.equal(adopt.list.length, 0);
    await clock.advance(1000);
    await answersSearches(4, [ORPHAN]);
    assert.equal(adopt.list.length, 0);
    await search.last.answer(found(ORPHAN));
    assert.equal(adopt.list.length, 1);
  });

  it('hands over what it adopted with the moment of the decision, however often it had to be made', async () => {
    const { search, adopt, answersSearches, clock, since } = await leading();
    await answersSearches(5);
    await search.last.answer(found(ORPHAN));
    const decidedMs = clock.monotonic();
    await clock.advance(1500);
    await adopt.last.fail();
    await clock.advance(1500);
    await adopt.last.answer(done(MINE));
    assert.deepEqual(since, [decidedMs]);
  });

  it('decides nothing without trust in the lease, though it still believes that it leads', async () => {
    const { search, adopt, trust, answersSearches, under, clock } = await leading();
    await answersSearches(5);
    trust.is = false;
    await search.last.answer(found(ORPHAN, ASKED_FOR));
    assert.deepEqual([under.state, adopt.list.length], ['resting', 0]);
    trust.is = true;
    await clock.advance(1000);
    await search.last.answer(found(ORPHAN, ASKED_FOR));
    assert.equal(adopt.last.input.adoptions.length, 2);
  });

  it('looks again at once when there may be more than one adoption takes', async () => {
    const { search, adopt, answersSearches, under } = await leading();
    await answersSearches(5);
    const many = Array.from({ length: MAX_ADOPTED }, (_, k) => claimed('s', T - 20_000 + k));
    await search.last.answer(found(...many));
    assert.equal(adopt.last.input.adoptions.length, MAX_ADOPTED);
    const before = search.list.length;
    await adopt.last.answer(done());
    assert.deepEqual([under.state, search.list.length], ['searching', before + 1]);
    await search.last.answer(found(...many.slice(1)));
    await adopt.last.answer(done());
    assert.deepEqual([under.state, search.list.length], ['resting', before + 1]);
  });

  it('does not hurry for runs that it has to leave alone for now', async () => {
    const { search, adopt, answersSearches, under } = await leading();
    await answersSearches(5);
    await search.last.answer(found(...Array.from({ length: MAX_ADOPTED }, () => claimed('unknown', T))));
    assert.deepEqual([under.state, adopt.list.length], ['resting', 0]);
  });

  it('abandons by policy, and what has no schedule any more', async () => {
    const { queue, search, adopt, adopted, answersSearches, notes } = await leading();
    const careful = every(100, T - 60_000, { id: 'careful' });
    queue.put({ ...careful, policy: { ...careful.policy, on_executor_loss: 'abandon' } }, NO_MARK);
    await answersSearches(5);
    const orphans = [claimed('careful', T - 10_000), claimed('gone', T - 10_000), claimed('new', T - 10_000)];
    await search.last.answer({ orphans, gone: new Set(['gone']) });
    assert.equal(adopt.last.input.adoptions.length, 2);
    const [first, second] = adopt.last.input.adoptions;
    assert.deepEqual([first?.how, second?.how], ['abandon', 'abandon']);
    await adopt.last.answer({ runs: [], abandoned: orphans.slice(0, 1).map(({ id }) => id) });
    assert.deepEqual([adopted, notes], [[], ['0 adopted, 1 abandoned, 0 manual']], 'another was faster');
  });

  it('executes what is ours though the lease is lost and the schedule deleted before the answer', async () => {
    const { queue, search, adopt, adopted, answersSearches, under, clock } = await leading();
    await answersSearches(5);
    await search.last.answer(found(ORPHAN));
    const asked = adopt.last.input;
    under.child.send(LOST);
    queue.remove('s');
    await adopt.last.fail();
    await clock.advance(200);
    assert.deepEqual(adopt.last.input, asked, 'the very same adoption, under the old term');
    assert.equal(adopt.list.length, 2);
    await adopt.last.answer(done(MINE));
    assert.deepEqual([adopted, under.state], [[['s', ORPHAN.id]], 'idle']);
    await clock.advance(10_000);
    assert.deepEqual([adopt.list.length, clock.timers], [2, 0]);
  });

  it('heeds no answer that comes after the lease was lost while it looked', async () => {
    const { search, adopt, answersSearches, under, clock } = await leading();
    await answersSearches(5);
    under.child.send(ENDING);
    assert.equal(search.last.signal.aborted, true);
    await search.last.answer(found(ORPHAN));
    await clock.advance(5000);
    assert.deepEqual([under.state, adopt.list.length, clock.timers], ['idle', 0, 0]);
  });

  it('begins what was requested although it cannot tell yet who lives, and leaves alone what may be held', async () => {
    const { search, adopt, adopted, notes, under } = await leading();
    await search.last.answer(found(ORPHAN, ASKED_FOR));
    assert.deepEqual(adopt.last.input, {
      adoptions: [{ how: 'retry', run: ASKED_FOR, at: new Date(T) }],
      by: { replica: 'r2', boot: 'b2', term: 7 },
    });
    await adopt.last.answer(done({ ...ASKED_FOR, attempt: 1, executor: 'r2', executor_boot: 'b2', term: 7 }));
    assert.deepEqual([adopted, notes, under.state], [
      [['s', ASKED_FOR.id]],
      ['1 adopted, 0 abandoned, 1 manual'],
      'resting',
    ]);
  });

  it('tells as requested only what it has got of that: another may have been faster', async () => {
    const { search, adopt, notes } = await leading();
    await search.last.answer(found(ASKED_FOR));
    await adopt.last.answer(done());
    assert.deepEqual(notes, ['0 adopted, 0 abandoned, 0 manual']);
  });

  it('begins what was requested also of a schedule whose lost runs are abandoned, which it is only later', async () => {
    const careful = every(100, T - 60_000, { id: 'careful' });
    careful.policy = { ...careful.policy, on_executor_loss: 'abandon' };
    const run = manualRun(careful, T, 'two');
    const first = await leading();
    first.queue.put(careful, NO_MARK);
    await first.search.last.answer(found(run));
    assert.deepEqual(first.adopt.last.input.adoptions.map(({ how }) => how), ['retry']);
    const begun = { ...run, attempt: 1, executor: 'r1', executor_boot: 'b1', term: 6 };
    const next = await leading();
    next.queue.put(careful, NO_MARK);
    await next.answersSearches(5, [begun]);
    assert.equal(next.adopt.list.length, 0, 'it has an executor, which may be alive');
    await next.search.last.answer(found(begun));
    assert.deepEqual(next.adopt.last.input.adoptions.map(({ how }) => how), ['abandon']);
  });

  it('abandons at once what was requested of a schedule that is gone', async () => {
    const { search, adopt, adopted, notes } = await leading();
    const run = manualRun(every(100, T - 60_000, { id: 'gone' }), T, 'two');
    await search.last.answer({ orphans: [run], gone: new Set(['gone']) });
    const [adoption] = adopt.last.input.adoptions;
    assert.deepEqual(adoption?.how === 'abandon' && adoption.reason, 'schedule_gone');
    await adopt.last.answer({ runs: [], abandoned: [run.id] });
    assert.deepEqual([adopted, notes], [[], ['0 adopted, 1 abandoned, 0 manual']]);
  });

  it('waits with what was requested of a schedule that the mirror does not have yet', async () => {
    const { clock, queue, search, adopt, under } = await leading();
    const fresh = every(100, T, { id: 'new' });
    const run = manualRun(fresh, T, 'two');
    await search.last.answer(found(run));
    assert.deepEqual([under.state, adopt.list.length], ['resting', 0]);
    queue.put(fresh, NO_MARK);
    await clock.advance(1000);
    await search.last.answer(found(run));
    assert.deepEqual(adopt.last.input.adoptions.map(({ run: { id } }) => id), [run.id]);
  });

  it('does not search without end when requests come while the store does not answer', async () => {
    const { clock, search, under } = await leading();
    under.child.send(REQUESTED);
    under.child.send(REQUESTED);
    await search.last.fail();
    assert.equal(search.list.length, 2, 'once for both');
    await search.last.fail();
    assert.deepEqual([under.state, search.list.length], ['resting', 2]);
    await clock.advance(1000);
    assert.equal(search.list.length, 3);
  });
});
