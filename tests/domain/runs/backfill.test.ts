import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Backfill,
  backfillOf,
  type Found,
  MAX_STEP,
  missingRunId,
  nextStep,
  upcomingOf,
} from '../../../src/domain/runs/backfill.ts';
import {
  backfillProblems,
  type BackfillRequest,
  parseBackfill,
} from '../../../src/domain/runs/backfillRequest.ts';
import { type Run, runId, type RunState } from '../../../src/domain/runs/run.ts';
import type { Schedule } from '../../../src/domain/schedules/schedule.ts';
import { every } from '../../support/schedules.ts';

const CREATED_MS = Date.UTC(2030, 0, 1);
const RANGE = { from: new Date(CREATED_MS - 1000), to: new Date(CREATED_MS) };
const REQUEST: BackfillRequest = {
  ...RANGE,
  max_concurrent: 2,
  overlap: 'allow',
  again: false,
  dry_run: false,
};
const schedule = every(100, CREATED_MS);

function backfill(more: Partial<BackfillRequest> = {}, of: Schedule = schedule): Backfill {
  return backfillOf(of, { ...REQUEST, ...more }, 'b', CREATED_MS + 5);
}

function found(more: Partial<Found> = {}): Found {
  return {
    open: 0,
    overlapping: [],
    stateOf: () => undefined,
    settledThroughMs: Infinity,
    at: new Date(CREATED_MS + 9),
    ...more,
  };
}

describe('a backfill', () => {
  it('has the occurrences of its range, the end excluded, before the creation of its schedule too', () => {
    assert.equal(backfill().total, 10);
    assert.equal(upcomingOf(backfill())[0], CREATED_MS - 1000);
    assert.equal(upcomingOf(backfill()).at(-1), CREATED_MS - 100);
  });

  it('keeps the rule of its creation, and of many times those in its range', () => {
    const times = [-2000, -500, 0].map((ms) => new Date(CREATED_MS + ms));
    const of = { ...schedule, type: 'at_times', definition: { times } } as Schedule;
    assert.deepEqual(backfill({}, of).rule.definition, { times: [times[1]] });
    assert.equal(backfill({}, of).total, 1);
    const none = backfill({ to: new Date(CREATED_MS - 900) }, of);
    assert.deepEqual([none.total, upcomingOf(none)], [0, []]);
  });

  it('stops at what is open, and at what is not settled', () => {
    const step = nextStep(backfill(), found({ open: 1 }));
    assert.deepEqual([step?.insert.length, step?.set.created, step?.hasMore], [1, 1, false]);
    assert.deepEqual(step?.set.cursor, new Date(CREATED_MS - 1000));
    assert.equal(nextStep(backfill(), found({ open: 2 })), null);
    assert.equal(nextStep(backfill(), found({ settledThroughMs: CREATED_MS - 1001 })), null);
  });

  it('passes over occurrences that have had a run, but not over those that were not run', () => {
    const own = runId('s', RANGE.from);
    const state = (states: Record<string, RunState>) => (id: string) => states[id];
    assert.equal(missingRunId(backfill(), CREATED_MS - 1000, state({})), own);
    for (const has of ['claimed', 'succeeded', 'failed', 'cancelled', 'abandoned'] as const) {
      assert.equal(missingRunId(backfill(), CREATED_MS - 1000, state({ [own]: has })), null);
    }
    for (const not of ['missed', 'skipped'] as const) {
      assert.equal(missingRunId(backfill(), CREATED_MS - 1000, state({ [own]: not })), `${own}~backfill`);
      const both = state({ [own]: not, [`${own}~backfill`]: 'claimed' });
      assert.equal(missingRunId(backfill(), CREATED_MS - 1000, both), null);
    }
    const again = backfill({ again: true });
    assert.equal(missingRunId(again, CREATED_MS - 1000, state({ [own]: 'succeeded' })), `${own}~b`);
    assert.equal(missingRunId(again, CREATED_MS - 1000, state({ [`${own}~b`]: 'failed' })), null);
  });

  it('handles so many occurrences in one step', () => {
    const long = backfill({ from: new Date(CREATED_MS - 100 * (MAX_STEP + 1)) });
    const all = found({ stateOf: () => 'succeeded' });
    const step = nextStep(long, all);
    assert.deepEqual([step?.set.already_run, step?.hasMore, step?.set.state], [MAX_STEP, true, undefined]);
    const last = nextStep({ ...long, ...step?.set }, all);
    assert.deepEqual([last?.set.already_run, last?.hasMore, last?.set.state], [
      MAX_STEP + 1,
      false,
      'completed',
    ]);
  });

  it('makes one run of each occurrence, in order, whatever ends when', () => {
    fc.assert(fc.property(
      fc.record({
        max_concurrent: fc.integer({ min: 1, max: 5 }),
        again: fc.boolean(),
        stored: fc.uniqueArray(fc.integer({ min: 1, max: 10 })),
        ends: fc.infiniteStream(fc.nat()),
      }),
      ({ max_concurrent, again, stored, ends }) => {
        let present = backfill({ max_concurrent, again });
        const states = new Map<string, RunState>(
          stored.map((k) => [runId('s', new Date(CREATED_MS - k * 100)), 'succeeded']),
        );
        const made: Run[] = [];
        let open: Run[] = [];
        for (let steps = 0; present.state === 'running'; steps++) {
          assert.ok(steps < 40, 'it comes to an end');
          const step = nextStep(present, found({ open: open.length, stateOf: (id) => states.get(id) }));
          for (const run of step?.insert ?? []) {
            assert.ok(!states.has(run.id), 'no second run');
            states.set(run.id, 'claimed');
            open.push(run);
            made.push(run);
          }
          assert.ok(open.length <= max_concurrent);
          present = { ...present, ...step?.set };
          open = open.filter((_, i) => i !== ends.next().value % Math.max(open.length, 1));
        }
        assert.equal(made.length, again ? 10 : 10 - stored.length);
        assert.equal(present.created + present.already_run, present.total);
        const times = made.map(({ scheduled_for }) => scheduled_for.getTime());
        assert.deepEqual(times, times.toSorted((a, b) => a - b));
      },
    ));
  });
});

describe('a request for a backfill', () => {
  const parsed = (body: object) => {
    const { ok, ...rest } = parseBackfill(body);
    return ok ? [] : (rest as { problems: { detail: string }[] }).problems.map(({ detail }) => detail);
  };

  it('has defaults', () => {
    const { ok, ...rest } = parseBackfill({ from: '2029-12-31T23:59:59Z', to: '2030-01-01T00:00:00Z' });
    assert.ok(ok);
    assert.deepEqual(rest, { value: { ...REQUEST, max_concurrent: 1 } });
  });

  it('is refused with a sentence for each problem', () => {
    const range = { from: '2029-12-31T23:00:00Z', to: '2030-01-01T00:00:00Z' };
    assert.match(parsed({ to: range.to })[0] ?? '', /^from: is missing; write an RFC 3339 time/);
    assert.match(parsed({ ...range, to: 'now' })[0] ?? '', /^to: "now" is not an RFC 3339 time/);
    for (const max_concurrent of [0, 101, 1.5]) {
      assert.match(
        parsed({ ...range, max_concurrent })[0] ?? '',
        /^max_concurrent: .* is not a whole number from 1 to 100/,
      );
    }
    assert.match(
      parsed({ ...range, overlap: 'wait' })[0] ?? '',
      /^overlap: expected one of .*, found "wait"/,
    );
    assert.match(parsed({ ...range, again: 1 })[0] ?? '', /^again: expected true or false, found a number/);
    assert.match(
      parsed({ ...range, until: 1 })[0] ?? '',
      /^until: is not known; the fields of a backfill are from/,
    );
  });

  it('is refused where its fields contradict each other, or the time', () => {
    const problems = (more: Partial<BackfillRequest>, nowMs = CREATED_MS) =>
      backfillProblems({ ...REQUEST, ...more }, nowMs).map(({ detail }) => detail);
    assert.deepEqual(problems({}), []);
    assert.match(problems({ from: RANGE.to })[0] ?? '', /^from: 2030-01-01T00:00:00.000Z is not before to/);
    assert.match(
      problems({}, CREATED_MS - 1)[0] ?? '',
      /^to: 2030-01-01T00:00:00.000Z is in the future; write 2029-12-31T23:59:59.999Z or earlier/,
    );
    assert.match(
      problems({ overlap: 'queue' })[0] ?? '',
      /^max_concurrent: is 2, but with overlap "queue" one run/,
    );
    assert.deepEqual(problems({ overlap: 'queue', max_concurrent: 1 }), []);
  });
});
