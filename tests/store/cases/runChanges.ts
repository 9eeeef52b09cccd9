/** Transitions of open runs: each is a compare-and-set. */
import assert from 'node:assert/strict';
import type { Store } from '../../../src/actors/store.ts';
import {
  cancelled,
  ended,
  handedBack,
  lost,
  MAX_LOSSES,
  type RunChange,
  taken,
} from '../../../src/domain/runs/life.ts';
import { type Attempt, MAX_ATTEMPTS_KEPT, type Run } from '../../../src/domain/runs/run.ts';
import {
  at,
  batch,
  claim,
  claimed,
  committed,
  create,
  lead,
  occurrence,
  outcomeOf,
  request,
  type Test,
  UNOWNED,
} from '../support.ts';

const AT = at(60);
const B = { replica: 'b', boot: 'boot-b' };
const C = { replica: 'c', boot: 'boot-c' };

export function runChangeCases(test: Test): void {
  const changes: Record<string, (of: { owned: Run; waiting: Run }) => RunChange> = {
    taken: ({ waiting }) => taken(waiting, B),
    'handed back': ({ owned }) => handedBack(owned, AT),
    'lost, and to be tried again': ({ owned }) => lost(owned, AT),
    'lost for the third time': ({ owned }) => lost({ ...owned, losses: MAX_LOSSES - 1 }, AT),
    'cancelled while it waits': ({ waiting }) => cancelled(waiting, 'requested', AT),
    'to be aborted': ({ owned }) => cancelled(owned, 'requested', AT),
    'ended whoever has it': ({ owned }) => ended(owned, 'replaced', AT),
  };
  for (const [what, make] of Object.entries(changes)) {
    test(`a run is ${what}: once, and only as it was found`, async (store, connect) => {
      const found = await stored(store);
      const change = make(found);
      const others: RunChange[] = [
        { ...change, run: { ...change.run, attempt: change.run.attempt + 1 } },
        { ...change, run: { ...change.run, executor_boot: 'boot-x' } },
        ...(change.run.waiting_for === null
          ? []
          : [{ ...change, run: { ...change.run, waiting_for: 'retry' as const } }]),
        { ...change, run: { ...change.run, is_last_attempt: true } },
        { ...change, run: { ...change.run, reason: 'requested' } },
        { ...change, run: { ...change.run, id: 'job@never' } },
      ];
      assert.deepEqual(await store.runs.change(others), []);
      assert.deepEqual(
        await store.runs.get(change.run.id),
        found[change.run.executor === null ? 'waiting' : 'owned'],
      );
      const expected = { ...found[change.run.executor === null ? 'waiting' : 'owned'], ...change.set };
      assert.deepEqual(await store.runs.change([change]), [expected]);
      assert.deepEqual(await store.runs.get(change.run.id), expected);
      assert.deepEqual(
        await connect().runs.change([change]),
        [expected],
        'the first answer may have been lost',
      );
      assert.deepEqual(await store.runs.get(change.run.id), expected);
    });
  }

  test('makes several changes at once, and says which have taken effect', async (store) => {
    const { owned, waiting } = await stored(store);
    const both = [taken(waiting, B), lost({ ...owned, attempt: 7 }, AT), cancelled(owned, 'requested', AT)];
    const done = await store.runs.change(both);
    assert.deepEqual(done.map(({ id }) => id), [waiting.id, owned.id]);
    assert.deepEqual(await store.runs.change([]), []);
  });

  test('lets one of two executors have each run', async (store, connect) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const runs = [1, 2, 3, 4, 5, 6].map((second) =>
      occurrence(schedule, second, grant, { waiting_for: 'place', ...UNOWNED })
    );
    await claim(store, grant, schedule, ...runs);
    const ways = [[store, B, runs], [connect(), C, runs.toReversed()]] as const;
    const got = await Promise.all(ways.map(async ([way, by, wanted]) => {
      const mine: Run[] = [];
      for (const run of wanted) mine.push(...await way.runs.change([taken(run, by)]));
      assert.ok(mine.every(({ executor_boot }) => executor_boot === by.boot));
      return mine;
    }));
    assert.deepEqual(got.flat().map(({ id }) => id).sort(), runs.map(({ id }) => id).sort());
    for (const run of got.flat()) assert.deepEqual([run.attempt, await store.runs.get(run.id)], [1, run]);
  });

  test('takes a run from its dead executor, whose outcome does not count any more', async (store) => {
    const { owned } = await stored(store);
    const [waiting] = await store.runs.change([lost(owned, AT)]) as [Run];
    assert.deepEqual(await store.runs.record([outcomeOf(owned)]), []);
    const [mine] = await store.runs.change([taken(waiting, B)]) as [Run];
    assert.deepEqual([mine.attempt, mine.losses, mine.attempts.length], [2, 1, 1]);
    for (
      const late of [outcomeOf(owned), outcomeOf(owned, { attempt: 2 }), outcomeOf(mine, { attempt: 1 })]
    ) {
      assert.deepEqual(await store.runs.record([late]), []);
    }
    assert.deepEqual(await store.runs.get(owned.id), mine);
    assert.equal((await store.runs.record([outcomeOf(mine)])).length, 1);
    const { attempt, losses, attempts } = await store.runs.get(owned.id) as Run;
    assert.deepEqual([attempt, losses, attempts.map(({ number, state }) => [number, state])], [2, 0, [
      [1, 'lost'],
      [2, 'succeeded'],
    ]]);
  });

  test('changes nothing of a run that has ended', async (store) => {
    const { owned, waiting } = await stored(store);
    await store.runs.record([outcomeOf(owned)]);
    await store.runs.change([cancelled(waiting, 'requested', AT)]);
    const before = [await store.runs.get(owned.id), await store.runs.get(waiting.id)];
    const wanted = [
      lost(owned, at(61)),
      cancelled(owned, 'replaced', at(61)),
      taken(waiting, B),
      cancelled(waiting, 'replaced', at(61)),
    ];
    assert.deepEqual(await store.runs.change(wanted), []);
    assert.deepEqual([await store.runs.get(owned.id), await store.runs.get(waiting.id)], before);
  });

  test('says that a run was ended to the one that has ended it, when two want to', async (store, connect) => {
    const { owned } = await stored(store);
    const third = { ...owned, losses: MAX_LOSSES - 1 };
    assert.equal((await store.runs.change([lost(third, AT)])).length, 1);
    assert.deepEqual(await connect().runs.change([lost(third, at(61))]), []);
    assert.equal((await store.runs.change([lost(third, AT)])).length, 1, 'asked again');
  });

  test('a failed attempt makes the run wait for the next one, under the same id', async (store) => {
    const { owned } = await stored(store);
    const failed = outcomeOf(owned, { state: 'failed', error: 'refused', output: null, retry_at: at(90) });
    assert.deepEqual(await store.runs.record([failed]), [failed]);
    const run = await store.runs.get(owned.id) as Run;
    const attempt: Attempt = {
      number: 1,
      executor: 'a',
      started_at: at(1),
      finished_at: at(2),
      state: 'failed',
      error: 'refused',
    };
    assert.deepEqual(run, {
      ...owned,
      state: 'retrying',
      waiting_for: 'retry',
      executor: null,
      executor_boot: null,
      available_at: at(90),
      attempts: [attempt],
      failures: 1,
      started_at: at(1),
      lateness_ms: 3,
      error: 'refused',
    });
    assert.deepEqual(await store.runs.record([failed]), [failed], 'the first answer may have been lost');
    assert.deepEqual(await store.runs.get(owned.id), run);
    const [mine] = await store.runs.change([taken(run, B)]) as [Run];
    assert.deepEqual([mine.state, mine.attempt, mine.available_at], ['claimed', 2, at(90)]);
    assert.deepEqual(await store.runs.record([failed]), [failed], 'also when it goes on by now');
    assert.deepEqual(await store.runs.get(owned.id), mine);
  });

  test('a failed attempt ends the run when it was to be the last, whatever its executor knew', async (store) => {
    const { owned } = await stored(store);
    await store.runs.change([cancelled(owned, 'requested', AT)]);
    const failed = outcomeOf(owned, { state: 'timed_out', error: 'too long', retry_at: at(90) });
    assert.deepEqual(await store.runs.record([failed]), [failed]);
    const { state, waiting_for, reason, failures, expire_at, available_at, executor_boot } = await store.runs
      .get(owned.id) as Run;
    assert.deepEqual({ state, waiting_for, reason, failures, expire_at, available_at, executor_boot }, {
      state: 'timed_out',
      waiting_for: null,
      reason: null,
      failures: 1,
      expire_at: failed.expire_at,
      available_at: owned.available_at,
      executor_boot: 'boot-a',
    });
    assert.deepEqual(await store.runs.available({ availableAt: at(9999), limit: 9 }), {
      runs: [(await stored2(store)) as Run],
      nextAt: null,
    });
  });

  test('an aborted attempt ends the run, and says why', async (store) => {
    const { owned } = await stored(store);
    await store.runs.change([cancelled(owned, 'replaced', AT)]);
    const aborted = outcomeOf(owned, { state: 'cancelled', output: null });
    assert.deepEqual(await store.runs.record([aborted]), [aborted]);
    const { state, reason, failures } = await store.runs.get(owned.id) as Run;
    assert.deepEqual([state, reason, failures], ['cancelled', 'replaced', 0]);
  });

  test('keeps the last 20 attempts', async (store) => {
    const attempts: Attempt[] = Array.from({ length: MAX_ATTEMPTS_KEPT }, (_, k) => (
      { number: k + 1, executor: 'a', started_at: at(1), finished_at: at(2), state: 'failed', error: null }
    ));
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const runs = [1, 2].map((second) =>
      occurrence(schedule, second, grant, { attempt: 21, attempts, failures: 20 })
    );
    await claim(store, grant, schedule, ...runs);
    const [first, second] = runs as [Run, Run];
    await store.runs.record([outcomeOf(first), outcomeOf(second, { state: 'failed', retry_at: at(90) })]);
    for (const { id } of runs) {
      const { attempts } = await store.runs.get(id) as Run;
      assert.deepEqual([attempts.length, attempts[0]?.number, attempts.at(-1)?.number], [20, 2, 21]);
    }
  });

  test('says that an attempt goes on, while it does, and nothing of another', async (store) => {
    const { owned } = await stored(store);
    const start = {
      run_id: owned.id,
      attempt: 1,
      executor_boot: 'boot-a',
      started_at: at(3),
      lateness_ms: 7,
    };
    const late = [{ ...start, attempt: 2 }, { ...start, executor_boot: 'boot-b' }, {
      ...start,
      run_id: 'job@never',
    }];
    await store.runs.recordStarts(late);
    assert.deepEqual(await store.runs.get(owned.id), owned);
    await store.runs.recordStarts([start]);
    const running = { ...owned, state: 'running' as const, started_at: at(3), lateness_ms: 7 };
    assert.deepEqual(await store.runs.get(owned.id), running);
    await store.runs.recordStarts([]);
    const failed = outcomeOf(owned, { state: 'failed', retry_at: at(90) });
    assert.deepEqual(await store.runs.record([failed]), [failed]);
    const waiting = await store.runs.get(owned.id) as Run;
    await store.runs.recordStarts([start]);
    assert.deepEqual(await store.runs.get(owned.id), waiting, 'it came too late');
  });

  test('a run that was taken is not taken for one that its executor has claimed', async (store) => {
    const { owned, waiting } = await stored(store);
    const { grant, schedule } = await next(store);
    const [again] = await store.runs.change([lost(owned, AT)]) as [Run];
    await store.runs.change([again, waiting].map((run) => taken(run, { replica: 'b', boot: grant.boot })));
    const wanted = [1, 2].map((second) => claimed('job', second, grant));
    const it = batch(grant, [request(schedule, wanted)], { mayBeClaimed: true });
    const { runs, duplicates } = committed(await store.claims.claim(it));
    assert.deepEqual([runs, duplicates], [[], wanted.map(({ id }) => id)]);
    assert.deepEqual(await store.claims.resolve(wanted), []);
  });

  /** A run of replica a, and one that waits for a place. */
  async function stored(store: Store): Promise<{ owned: Run; waiting: Run }> {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const owned = occurrence(schedule, 1, grant);
    const waiting = occurrence(schedule, 2, grant, { waiting_for: 'place', ...UNOWNED });
    await claim(store, grant, schedule, owned, waiting);
    return { owned, waiting };
  }

  const stored2 = (store: Store) => store.runs.get('job@2030-01-01T00:00:02.000Z');
}

/** Replica b leads, after a. */
async function next(store: Store) {
  await store.lease.release({ holder: 'a', boot: 'boot-a', term: 1 }, 'released');
  const schedule = await store.schedules.get('job');
  return { ...await lead(store, 'b'), schedule: schedule as Parameters<typeof request>[0] };
}
