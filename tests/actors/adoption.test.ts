import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AdoptionInput,
  adoptionMachine,
  DEAD_AFTER_MS,
  MAX_ADOPTED,
  type Sighting,
} from '../../src/actors/adoption.ts';
import type { JobPool } from '../../src/actors/jobs.ts';
import type { Adopter, Adoption } from '../../src/domain/adoption.ts';
import { DueQueue } from '../../src/domain/dueQueue.ts';
import type { Lease } from '../../src/domain/lease.ts';
import type { Run } from '../../src/domain/run.ts';
import { calls, reachable, underParent, walk } from '../support/machines.ts';
import { claimed } from '../support/runs.ts';
import { every } from '../support/schedules.ts';
import { SimClock } from '../support/simClock.ts';

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
const RETRY: Adoption = { how: 'retry', run: ORPHAN, at: new Date(T) };

const found = (...orphans: Run[]): Sighting => ({ orphans, gone: new Set() });

function input(clock: SimClock = new SimClock(T)) {
  /** By how much the server's clock was set. */
  const stepped = { ms: 0 };
  const queue = new DueQueue();
  queue.put(SCHEDULE, MARK);
  const adopted: [string, string][] = [];
  const jobs = {
    adopted: (schedule, runs) =>
      void adopted.push(...runs.map((run): [string, string] => [schedule.id, run.id])),
  } as Pick<JobPool, 'adopted'> as JobPool;
  return {
    adopted,
    queue,
    stepped,
    input: {
      queue,
      jobs,
      replica: 'r2',
      boot: 'b2',
      serverNowMs: () => clock.now() + stepped.ms,
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
        watch: { sinceMs: T - DEAD_AFTER_MS, answeredMs: T },
        plan: {
          adoptions: [RETRY],
          by: { replica: 'r2', boot: 'b2', term: 7 },
          schedules: new Map([['s', SCHEDULE]]),
          more: false,
        },
        ...more,
      },
    });
  const idle = () => walk(adoptionMachine, input().input);

  it('is at work only while the lease is ours', () => {
    assert.deepEqual([idle().state, idle().does], ['idle', []]);
    const it = idle().on(WON);
    assert.deepEqual([it.state, it.does], ['looking', ['start look']]);
    for (const end of [LOST, ENDING]) {
      assert.deepEqual([idle().on(WON).on(end).state, within('resting').on(end).state], ['idle', 'idle']);
    }
    assert.equal(idle().on(WON).on(LOST).on(WON).state, 'looking');
    assert.equal(idle().on({ type: 'LEASE.SEEN', mark: MARK }).state, 'idle');
  });

  it('looks again every second when nobody is orphaned, or there was no answer', () => {
    const it = idle().on(WON).answers('look', found());
    assert.deepEqual([it.state, it.does], ['resting', ['after 1000']]);
    it.after('interval').fails('look', 'cut off');
    const message = 'orphaned runs could not be looked for; trying again';
    assert.deepEqual([it.state, it.does], ['resting', [
      ['report', { message, error: 'cut off' }],
      'after 1000',
    ]]);
    assert.equal(it.after('interval').state, 'looking');
  });

  it('makes an adoption again until it is answered, whatever becomes of the lease, and rests or ends then', () => {
    for (const ends of [[], [LOST], [ENDING], [LOST, WON]]) {
      const it = within('unanswered').after('retry');
      assert.deepEqual([it.state, it.does], ['adopting', ['start adopt']]);
      for (const end of ends) it.on(end);
      assert.equal(it.state, 'adopting');
      it.fails('adopt', 'cut off');
      assert.deepEqual([it.state, it.does], ['unanswered', [
        ['report', { message: 'an adoption of runs got no answer; making it again', error: 'cut off' }],
        'after 200',
      ]]);
      it.after('retry').answers('adopt', [MINE]);
      assert.equal(it.state, ends.length === 1 ? 'idle' : 'resting');
      assert.deepEqual(it.does[0], ['handOver', { runs: [MINE] }]);
      assert.deepEqual(it.does[1], ['adopted', { runs: [MINE], abandoned: 0 }]);
    }
  });

  it('can reach every state', () => {
    // Goes on with every step of the search, so slowly that no watch is interrupted by it.
    let nowMs = T;
    const { reached, all } = reachable(adoptionMachine, {
      input: { ...input().input, serverNowMs: () => (nowMs += 20) },
      events: [WON, LOST],
      answers: { look: [found(), found(ORPHAN)], adopt: [[MINE], []] },
      by: ({ grant, plan, watch }) => [
        grant === null,
        plan.adoptions.length,
        watch === null ? -1 : Math.floor(Math.min(watch.answeredMs - watch.sinceMs, DEAD_AFTER_MS) / 50),
      ],
    });
    assert.deepEqual(reached, all);
  });
});

/** A leader since now, whose store answers when the test says so. */
function leading() {
  const clock = new SimClock(T);
  const parts = input(clock);
  const look = calls<Sighting, { boot: string; knows: (id: string) => boolean }>();
  const adopt = calls<Run[], { adoptions: readonly Adoption[]; by: Adopter }>();
  const notes: string[] = [];
  const under = underParent(
    adoptionMachine.provide({
      actors: { look: look.slot, adopt: adopt.slot },
      actions: {
        report: (_, { message }) => void notes.push(message),
        adopted: (_, { runs, abandoned }) =>
          void notes.push(`${runs.length} adopted, ${abandoned} abandoned`),
      },
    }),
    { clock, input: parts.input },
  );
  under.child.send(WON);
  return {
    ...parts,
    clock,
    look,
    adopt,
    notes,
    under,
    /** Answers `count` looks, one a second. */
    async answersLooks(count: number, orphans: Run[] = []) {
      for (let k = 0; k < count; k++) {
        await look.last.answer(found(...orphans));
        await clock.advance(1000);
      }
    },
  };
}

describe('adoption, as an actor', () => {
  it('adopts what is orphaned once it has watched for as long as an executor may not be seen', async () => {
    const { look, adopt, adopted, notes, answersLooks, under } = leading();
    const { boot, knows } = look.last.input;
    assert.deepEqual([boot, knows('s'), knows('other')], ['b2', true, false]);
    await answersLooks(DEAD_AFTER_MS / 1000, [ORPHAN]);
    assert.equal(adopt.list.length, 0, 'the store may have been away until just now');
    await look.last.answer(found(ORPHAN));
    assert.deepEqual(adopt.last.input, {
      adoptions: [{ how: 'retry', run: ORPHAN, at: new Date(T + DEAD_AFTER_MS) }],
      by: { replica: 'r2', boot: 'b2', term: 7 },
    });
    assert.deepEqual(adopted, [], 'not before it is durable');
    await adopt.last.answer([MINE]);
    assert.deepEqual([adopted, notes], [[['s', ORPHAN.id]], ['1 adopted, 0 abandoned']]);
    assert.equal(under.state, 'resting');
  });

  const interruptions: Record<string, (it: ReturnType<typeof leading>) => Promise<void>> = {
    'a look without an answer': async ({ clock, look }) => {
      await look.last.fail();
      await clock.advance(1000);
    },
    'an answer that was late': async ({ clock, look }) => {
      await clock.advance(1001);
      await look.last.answer(found(ORPHAN));
      await clock.advance(1000);
    },
    'another leadership in between': async ({ under }) => {
      under.child.send(LOST);
      under.child.send(WON);
      await Promise.resolve();
    },
  };
  for (const [what, interrupt] of Object.entries(interruptions)) {
    it(`begins its watch anew after ${what}`, async () => {
      const it = leading();
      await it.answersLooks(5);
      await interrupt(it);
      const already = what.startsWith('an answer') ? 1 : 0;
      await it.answersLooks(5 - already, [ORPHAN]);
      assert.equal(it.adopt.list.length, 0);
      await it.look.last.answer(found(ORPHAN));
      assert.equal(it.adopt.list.length, 1);
    });
  }

  it('begins its watch anew when the clock was set', async () => {
    for (const stepMs of [-60_000, 60_000]) {
      const { look, adopt, stepped, answersLooks } = leading();
      await answersLooks(5);
      stepped.ms = stepMs;
      await answersLooks(5, [ORPHAN]);
      assert.equal(adopt.list.length, 0);
      await look.last.answer(found(ORPHAN));
      assert.equal(adopt.list.length, 1);
    }
  });

  it('looks again at once when there may be more than one adoption takes', async () => {
    const { look, adopt, answersLooks, under } = leading();
    await answersLooks(5);
    const many = Array.from({ length: MAX_ADOPTED }, (_, k) => claimed('s', T - 20_000 + k));
    await look.last.answer(found(...many));
    assert.equal(adopt.last.input.adoptions.length, MAX_ADOPTED);
    const before = look.list.length;
    await adopt.last.answer([]);
    assert.deepEqual([under.state, look.list.length], ['looking', before + 1]);
    await look.last.answer(found(...many.slice(1)));
    await adopt.last.answer([]);
    assert.deepEqual([under.state, look.list.length], ['resting', before + 1]);
  });

  it('does not hurry for runs that it has to leave alone for now', async () => {
    const { look, adopt, answersLooks, under } = leading();
    await answersLooks(5);
    await look.last.answer(found(...Array.from({ length: MAX_ADOPTED }, () => claimed('unknown', T))));
    assert.deepEqual([under.state, adopt.list.length], ['resting', 0]);
  });

  it('abandons by policy, and what has no schedule any more', async () => {
    const { queue, look, adopt, adopted, answersLooks, notes } = leading();
    const careful = every(100, T - 60_000, { id: 'careful' });
    queue.put({ ...careful, policy: { ...careful.policy, on_executor_loss: 'abandon' } }, MARK);
    await answersLooks(5);
    const orphans = [claimed('careful', T - 10_000), claimed('gone', T - 10_000), claimed('new', T - 10_000)];
    await look.last.answer({ orphans, gone: new Set(['gone']) });
    assert.equal(adopt.last.input.adoptions.length, 2);
    const [first, second] = adopt.last.input.adoptions;
    assert.deepEqual([first?.how, second?.how], ['abandon', 'abandon']);
    await adopt.last.answer([]);
    assert.deepEqual([adopted, notes], [[], ['0 adopted, 2 abandoned']]);
  });

  it('executes what is ours though the lease is lost and the schedule deleted before the answer', async () => {
    const { queue, look, adopt, adopted, answersLooks, under, clock } = leading();
    await answersLooks(5);
    await look.last.answer(found(ORPHAN));
    const asked = adopt.last.input;
    under.child.send(LOST);
    queue.remove('s');
    await adopt.last.fail();
    await clock.advance(200);
    assert.deepEqual(adopt.last.input, asked, 'the very same adoption, under the old term');
    assert.equal(adopt.list.length, 2);
    await adopt.last.answer([MINE]);
    assert.deepEqual([adopted, under.state], [[['s', ORPHAN.id]], 'idle']);
    await clock.advance(10_000);
    assert.deepEqual([adopt.list.length, clock.timers], [2, 0]);
  });

  it('heeds no answer that comes after the lease was lost while it looked', async () => {
    const { look, adopt, answersLooks, under, clock } = leading();
    await answersLooks(5);
    under.child.send(ENDING);
    assert.equal(look.last.signal.aborted, true);
    await look.last.answer(found(ORPHAN));
    await clock.advance(5000);
    assert.deepEqual([under.state, adopt.list.length, clock.timers], ['idle', 0, 0]);
  });
});
