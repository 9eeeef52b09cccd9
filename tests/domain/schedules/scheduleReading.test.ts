import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSchedule, type StoredRecord } from '../../../src/domain/schedules/scheduleReading.ts';
import { isUnderstood } from '../../../src/domain/schedules/schedule.ts';
import { changed, every } from '../../support/schedules.ts';

const T = Date.UTC(2030, 0, 1);
const SCHEDULE = changed(every(100, T, { name: 'n', tags: { a: 'b' } }), 50, T + 1000);
const CRON = { type: 'cron', definition: { cron_expression: '0 9 * * *', timezone: 'UTC' } };

const reasonOf = (stored: StoredRecord) => {
  const read = readSchedule(stored);
  return isUnderstood(read) ? null : read.not_understood;
};
const without = (field: string): StoredRecord =>
  Object.fromEntries(Object.entries(SCHEDULE).filter(([name]) => name !== field));

describe('a stored schedule', () => {
  it('is read as it was written', () => {
    assert.deepEqual(readSchedule({ ...SCHEDULE }), SCHEDULE);
    const cron = { ...SCHEDULE, ...CRON };
    assert.deepEqual(readSchedule(cron), cron);
  });

  it('of an older version has what that did not write', () => {
    const { timing_revision: _t, written_at: _w, superseded, ...rest } = SCHEDULE;
    const old = superseded.map(({ written_at: _, ...one }) => one);
    assert.deepEqual(readSchedule({ ...rest, superseded: old }), SCHEDULE);
  });

  it('is not understood when it holds what this version does not know, and says what', () => {
    const cases: [StoredRecord, RegExp][] = [
      [{ ...SCHEDULE, type: 'rrule' }, /^type is "rrule", which this version does not know$/],
      [{ ...SCHEDULE, type: 'toString' }, /^type is "toString"/],
      [
        { ...SCHEDULE, ...CRON, definition: { ...CRON.definition, timezone: 'Mars/Olympus' } },
        /timezone is "Mars/,
      ],
      [{ ...SCHEDULE, ...CRON, definition: { ...CRON.definition, cron_expression: '0 9 L * *' } }, /'L'/],
      [
        { ...SCHEDULE, ...CRON, definition: { cron_expression: '0 9 * * *' } },
        /definition.timezone is missing/,
      ],
      [{ ...SCHEDULE, definition: { interval: 'soon' } }, /^definition.interval is not understood .*soon/],
      [{ ...SCHEDULE, definition: { interval: '0s' } }, /definition.interval is not longer than 0/],
      [{ ...SCHEDULE, definition: { interval: '1s', jitter: '1s' } }, /definition.jitter is a field/],
      [
        { ...SCHEDULE, type: 'at_times', definition: { times: ['2030-01-01'] } },
        /definition.times is not a list/,
      ],
      [{ ...SCHEDULE, id: 'a b' }, /^id is not a valid schedule id$/],
      [{ ...SCHEDULE, id: '..' }, /^id is not a valid/],
      [{ ...SCHEDULE, backfills: 3 }, /^backfills is a field that this version does not know$/],
      [{ ...SCHEDULE, policy: { ...SCHEDULE.policy, priority: 1 } }, /^policy has priority is a field/],
      [{ ...SCHEDULE, policy: { ...SCHEDULE.policy, overlap: 'forbid' } }, /^policy has overlap is "forbid"/],
      [
        { ...SCHEDULE, policy: { ...SCHEDULE.policy, timeout: '0s' } },
        /^policy has timeout is not longer than 0/,
      ],
      [
        { ...SCHEDULE, policy: { ...SCHEDULE.policy, retry: { max_attempts: 3 } } },
        /^policy has retry has initial_backoff is missing$/,
      ],
      [{ ...SCHEDULE, jitter: 5 }, /^jitter is not a string$/],
      [{ ...SCHEDULE, max_runs: 0 }, /^max_runs is not a whole number from 1$/],
      [{ ...SCHEDULE, action: { type: 'log', fails: 2 } }, /^action has fails is not a number from 0 to 1$/],
      [{ ...SCHEDULE, policy: { ...SCHEDULE.policy, catch_up: 'some' } }, /policy has catch_up is "some"/],
      [{ ...SCHEDULE, action: { type: 'telegram' } }, /action has type is "telegram"/],
      [{ ...SCHEDULE, effective_from: '2030-01-01' }, /^effective_from is not a date$/],
      [{ ...SCHEDULE, effective_from: new Date(NaN) }, /^effective_from is not a date$/],
      [{ ...SCHEDULE, revision: 1.5 }, /^revision is not a whole number/],
      [{ ...SCHEDULE, superseded: [{ type: 'duration' }] }, /^superseded has an entry .*definition/],
      [{ ...SCHEDULE, superseded: 'none' }, /^superseded is not a list$/],
      [{ ...SCHEDULE, definition: null }, /^definition is not an object$/],
      [{ ...SCHEDULE, tags: { a: 1 } }, /^tags is not a map of strings$/],
      ...[
        'type',
        'definition',
        'policy',
        'history',
        'action',
        'effective_from',
        'superseded',
        'revision',
        'paused',
      ]
        .map((field): [StoredRecord, RegExp] => [without(field), new RegExp(field)]),
    ];
    for (const [stored, reason] of cases) assert.match(reasonOf(stored) ?? 'understood', reason);
  });

  it('that is anything at all is read or not, and throws nothing', () => {
    for (const odd of [null, 7, 'x', [], {}, new Date(), Symbol('s'), 10n, () => 1, NaN]) {
      for (const field of Object.keys(SCHEDULE)) {
        assert.doesNotThrow(() => readSchedule({ ...SCHEDULE, [field]: odd }));
      }
    }
  });
});
