import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AdoptionInput, adoptionMachine } from '../../../src/actors/runs/adoption.ts';
import { DEAD_AFTER_MS } from '../../../src/actors/runs/executorWatch.ts';
import { MAX_ADOPTED, type SearchResult } from '../../../src/actors/runs/adoptionPlan.ts';
import { HEAD_START_MS } from '../../../src/actors/leadership/headStart.ts';
import type { JobPool } from '../../../src/actors/runs/jobs.ts';
import type { Adopted, Adopter, Adoption } from '../../../src/domain/runs/adoption.ts';
import { DueQueue } from '../../../src/domain/firing/dueQueue.ts';
import type { Lease } from '../../../src/domain/leadership/lease.ts';
import { manualRun, type Run } from '../../../src/domain/runs/run.ts';
import { calls, reachable, underParent, type Walk, walk } from '../../support/machines.ts';
import { claimed } from '../../support/runs.ts';
import { every } from '../../support/schedules.ts';
import { SimClock } from '../../support/simClock.ts';

const T = Date.UTC(2030, 0, 1);
const MARK = { claimedThroughMs: 0, mirroredThroughMs: 0 };
const SCHEDULE = every(100, T - 60_000);
const ORPHAN = claimed('s', T - 10_000);
const MINE = { ...ORPHAN, attempt: 2, executor: 'r2', executor_boot: 'b2', term: 7 };
const WON = {
  type: 'LEASE.WON' as const,
  grant: { holder: 'r2', boot: 'b2', term: 7 },
  lease: {} as Lease,
  lastClaimMs: T,
};
const LOST = { type: 'LEASE.LOST' as const };
const ENDING = { type: 'LEASE.ENDING' as const };
const REQUESTED = { type: 'LEASE.REQUESTED' as const };
const ASKED_FOR = manualRun(SCHEDULE, T - 10, 'one');
const RETRY: Adoption = { how: 'retry', run: ORPHAN, at: new Date(T) };

/** Monotonic, at T. */
const NOW_MS = new SimClock(T).monotonic();
const MATURE = { sinceMs: NOW_MS - DEAD_AFTER_MS, answeredMs: NOW_MS, serverAheadMs: T - NOW_MS };

/** What has come of an adoption. */
const done = (...runs: Run[]): Adopted => ({ runs, abandoned: [] });
const found = (...orphans: Run[]): SearchResult => ({ orphans, gone: new Set() });

function input(clock: SimClock = new SimClock(T)) {
  /** By how much the server's clock was set. */
  const stepped = { ms: 0, atMs: -Infinity };
  const trust = { is: true };
  const queue = new DueQueue();
  queue.put(SCHEDULE, MARK);
  const adopted: [string, string][] = [];
  const since: number[] = [];
  const jobs = {
    adopted(schedule, runs, oursSinceMs) {
      adopted.push(...runs.map((run): [string, string] => [schedule.id, run.id]));
      since.push(oursSinceMs);
    },
  } as Pick<JobPool, 'adopted'> as JobPool;
  return {
    adopted,
    since,
    queue,
    stepped,
    trust,
    input: {
      queue,
      jobs,
      replica: 'r2',
      boot: 'b2',
      serverNowMs: () => clock.now() + stepped.ms,
      monotonicMs: () => clock.monotonic(),
      clockSetMs: () => stepped.atMs,
      isTrusted: () => trust.is,
    } satisfies AdoptionInput,
  };
}

describe('adoption', () => {
  /** In the middle, having watched for long enough. */
  const within = (value: string, more: object = {}) =>
    walk(adoptionMachine, undefined, {
      value,
      context: {
        ...input().input,
        grant: WON.grant,
        requested: false,
        watch: MATURE,
        plan: {
          adoptions: [RETRY],
          by: { replica: 'r2', boot: 'b2', term: 7 },
          schedules: new Map([['s', SCHEDULE]]),
          more: false,
          decidedMs: NOW_MS,
        },
        ...more,
      },
    });
  const idle = () => walk(adoptionMachine, input().input);
  const searching = () => idle().on(WON).after('headStart');

  it('is at work only while the lease is ours', () => {
    assert.deepEqual([idle().state, idle().does], ['idle', []]);
    const it = idle().on(WON);
    assert.deepEqual([it.state, it.does], ['holdingBack', ['after 100']], 'the first claim goes first');
    it.after('headStart');
    assert.deepEqual([it.state, it.does], ['searching', ['start search']]);
    for (const end of [LOST, ENDING]) {
      assert.equal(idle().on(WON).on(end).state, 'idle');
      assert.deepEqual([searching().on(end).state, within('resting').on(end).state], ['idle', 'idle']);
    }
    assert.equal(searching().on(LOST).on(WON).state, 'holdingBack');
    assert.equal(idle().on({ type: 'LEASE.SEEN', mark: MARK }).state, 'idle');
  });

  it('searches again every second when nobody is orphaned, or there was no answer', () => {
    const it = searching().answers('search', found());
    assert.deepEqual([it.state, it.does], ['resting', ['after 1000']]);
    it.after('interval').fails('search', 'cut off');
    const message = 'orphaned runs could not be searched for; retrying';
    assert.deepEqual([it.state, it.does], ['resting', [
      ['report', { message, error: 'cut off' }],
      'after 1000',
    ]]);
    assert.equal(it.after('interval').state, 'searching');
  });

  it('makes an adoption again until it is answered, whatever becomes of the lease, and rests or ends then', () => {
    for (const ends of [[], [LOST], [ENDING], [LOST, WON]]) {
      const it = within('unanswered').after('retry');
      assert.deepEqual([it.state, it.does], ['adopting', ['start adopt']]);
      for (const end of ends) it.on(end);
      assert.equal(it.state, 'adopting');
      it.fails('adopt', 'cut off');
      assert.deepEqual([it.state, it.does], ['unanswered', [
        ['report', { message: 'an adoption of runs got no answer; repeating it', error: 'cut off' }],
        'after 200',
      ]]);
      it.after('retry').answers('adopt', done(MINE));
      assert.equal(it.state, ends.length === 1 ? 'idle' : 'resting');
      assert.deepEqual(it.does[0], ['handOver', done(MINE)]);
      assert.deepEqual(it.does[1], ['adopted', { ...done(MINE), manual: 0 }]);
    }
  });

  it('can reach every state, by every transition', () => {
    const { input: parts } = input();
    const many = Array.from({ length: MAX_ADOPTED }, () => ORPHAN);
    const { reached, all, untaken } = reachable(adoptionMachine, {
      inputs: [parts],
      // The clock stands still: it begins also when it has watched for long enough.
      from: [{ value: 'resting', context: { ...searching().context, ...parts, watch: MATURE } }],
      events: [WON, LOST, ENDING, REQUESTED],
      answers: {
        search: [found(), found(ORPHAN), found(ASKED_FOR), found(...many)],
        adopt: [done(MINE), done()],
      },
      by: ({ grant, requested, watch, plan }) => [
        grant !== null,
        requested,
        watch !== null && watch.answeredMs - watch.sinceMs,
        plan.adoptions.length,
      ],
      invariant: (state, { grant, requested, watch, plan }, underWay) => {
        const isAdopting = state === 'adopting' || state === 'unanswered';
        assert.deepEqual(
          underWay,
          { searching: ['search'], adopting: ['adopt'] }[state] ?? [],
          'one adoption at a time',
        );
        if (!isAdopting) assert.equal(grant !== null, state !== 'idle', 'it searches only while it leads');
        if (state === 'resting') assert.equal(requested, false, 'no request waits for the next second');
        if (!isAdopting) return;
        assert.ok(plan.adoptions.length > 0 && plan.adoptions.length <= MAX_ADOPTED, 'bounded (G9)');
        assert.deepEqual(plan.by, { replica: 'r2', boot: 'b2', term: 7 });
        for (const { how, run } of plan.adoptions) {
          if (how === 'retry') assert.ok(plan.schedules.has(run.schedule_id), 'a job can be told of it');
          // The watch begins anew with another leadership.
          if (watch !== null && run === ORPHAN) assert.deepEqual(watch, MATURE, 'it is sure of the death');
        }
      },
    });
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
  });

  describe('of a run that was requested', () => {
    const young = { watch: null };
    const ours = { ...ASKED_FOR, attempt: 1, executor: 'r2', executor_boot: 'b2', term: 7 };
    const counts = { ...done(ours), manual: 1 };

    it('is made at once: nobody has to be dead for that', () => {
      const it = within('resting', young).on(REQUESTED);
      assert.deepEqual([it.state, it.does], ['searching', ['start search']]);
      it.answers('search', found(ASKED_FOR));
      assert.deepEqual([it.state, it.does], ['adopting', ['start adopt']]);
      it.answers('adopt', done(ours));
      assert.deepEqual(it.does.slice(0, 2), [['handOver', done(ours)], ['adopted', counts]]);
      assert.equal(it.state, 'resting');
    });

    it('is not lost, whenever it is asked for', () => {
      const adopting = () => searching().answers('search', found(ASKED_FOR));
      const unanswered = () => adopting().fails('adopt');
      const table: [make: () => Walk, step: (it: Walk) => unknown][] = [
        [searching, (it) => it.answers('search', found())],
        [searching, (it) => it.fails('search')],
        [adopting, (it) => it.answers('adopt', done(ours))],
        [adopting, (it) => it.fails('adopt').after('retry').answers('adopt', done())],
        [unanswered, (it) => it.after('retry').answers('adopt', done())],
      ];
      for (const [make, step] of table) {
        const it = make();
        const { state } = it;
        assert.deepEqual([it.on(REQUESTED).state, it.does], [state, []], 'one thing at a time');
        step(it);
        assert.deepEqual([it.state, it.does.at(-1)], ['searching', 'start search'], `${state}, ${step}`);
        assert.equal(it.answers('search', found()).state, 'resting', 'once');
      }
    });

    it('is found by whoever leads next, when it was asked for while nobody led', () => {
      const it = idle().on(REQUESTED);
      assert.deepEqual([it.state, it.does], ['idle', []]);
      it.on(WON).after('headStart');
      assert.deepEqual([it.state, it.does], ['searching', ['start search']]);
      assert.equal(it.answers('search', found()).state, 'resting', 'that search was the answer');
    });
  });
});

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
    /** Answers `count` searches, one a second. */
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

  it('searches again at once when there may be more than one adoption takes', async () => {
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
    queue.put({ ...careful, policy: { ...careful.policy, on_executor_loss: 'abandon' } }, MARK);
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
    first.queue.put(careful, MARK);
    await first.search.last.answer(found(run));
    assert.deepEqual(first.adopt.last.input.adoptions.map(({ how }) => how), ['retry']);
    const begun = { ...run, attempt: 1, executor: 'r1', executor_boot: 'b1', term: 6 };
    const next = await leading();
    next.queue.put(careful, MARK);
    await next.answersSearches(5, [begun]);
    assert.equal(next.adopt.list.length, 0, 'somebody has it in hand, who may live');
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
    queue.put(fresh, MARK);
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
