import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseScheduleSpec } from '../../src/domain/schedules/spec.ts';
import { zoneOf } from '../../src/domain/timing/zone.ts';
import { blank, bodyOf, byField, fieldsOf, zones } from '../../src/http/inspector/page/form/form.js';

describe('the form of a schedule', () => {
  it('offers the time zones that the API accepts, and no others', () => {
    const known = new Set(['UTC', 'Etc/UTC', ...Intl.supportedValuesOf('timeZone')]);
    assert.deepEqual(zones(), [...known].filter((zone) => zoneOf(zone) !== null));
    assert.deepEqual(zones('Etc/UTC'), zones());
    assert.deepEqual(
      zones('Europe/Berlin'),
      [...zones(), 'Europe/Berlin'],
      'with the present zone of the schedule',
    );
  });

  it('is initially valid', () => {
    assert.equal(parseScheduleSpec(bodyOf(blank())).ok, true);
  });

  it('returns what it was given, without the server’s fields', () => {
    const bodies = [
      {
        type: 'cron',
        definition: { cron_expression: '0 2 * * *', timezone: 'UTC' },
        tags: { team: 'a:b', x: '' },
      },
      { type: 'at_times', definition: { times: ['2030-01-01T00:00:00.000Z', '2031-01-01T00:00:00.000Z'] } },
      {
        type: 'duration',
        definition: { interval: '90s', anchor: '2020-01-01T00:00:00Z' },
        name: 'n',
        description: 'a\nb',
      },
    ];
    for (const body of bodies) {
      const full = { ...body, paused: false, policy: { catch_up: 'latest' }, history: { success: '1h' } };
      const stored = {
        ...full,
        id: 'x',
        revision: 3,
        created_at: 'c',
        updated_at: 'u',
        next_fire_at: null,
        last_run: null,
      };
      assert.deepEqual(bodyOf({ ...fieldsOf(stored), '/id': '' }, stored), full);
    }
  });

  it('keeps properties without a field, and drops those of another type', () => {
    const base = {
      type: 'cron',
      definition: { cron_expression: '* * * * *', timezone: 'UTC' },
      action: { type: 'http', url: 'u' },
      policy: { overlap: 'skip' },
    };
    const body = bodyOf({ ...fieldsOf(base), '/type': 'duration', '/definition/interval': '5s' }, base);
    assert.deepEqual(body.definition, { interval: '5s' });
    assert.deepEqual(body.action, base.action);
    assert.deepEqual(body.policy, { overlap: 'skip' });
  });

  it('sends numbers as numbers, and what is none as it is', () => {
    const fields = {
      ...blank(),
      '/max_runs': ' 100 ',
      '/jitter': '10s',
      '/policy/overlap': 'queue',
      '/policy/retry/max_attempts': '3',
      '/policy/retry/multiplier': '1.5',
      '/policy/retry/initial_backoff': '2s',
    };
    const body = bodyOf(fields);
    assert.deepEqual([body.max_runs, body.jitter, body.policy], [
      100,
      '10s',
      { overlap: 'queue', retry: { max_attempts: 3, multiplier: 1.5, initial_backoff: '2s' } },
    ]);
    assert.equal(parseScheduleSpec(body).ok, true);
    assert.deepEqual(fieldsOf(body)['/policy/retry/max_attempts'], '3');
    assert.equal(bodyOf({ ...fields, '/max_runs': 'some' }).max_runs, 'some');
    assert.deepEqual(bodyOf({ ...fieldsOf(body), '/max_runs': '' }, body).max_runs, undefined);
  });

  it('omits the reason and the end of a pause that is over', () => {
    const base = {
      type: 'cron',
      definition: { cron_expression: '* * * * *' },
      paused: true,
      pause_reason: 'audit',
      pause_until: '2030-01-01T00:00:00.000Z',
    };
    const resumed = bodyOf({ ...fieldsOf(base), '/paused': '' }, base);
    assert.deepEqual(['pause_reason' in resumed, 'pause_until' in resumed], [false, false]);
    const paused = bodyOf(fieldsOf(base), base);
    assert.deepEqual([paused.pause_reason, paused.pause_until], ['audit', base.pause_until]);
  });

  it('shows each problem at its field, and others at the top', () => {
    const found = byField([
      { pointer: '/definition/times/3', detail: 'a' },
      { pointer: '/tags/team', detail: 'b' },
      { pointer: '/policy/retry/max_attempts', detail: 'policy.retry.max_attempts: 0 is too few' },
      { pointer: '/action/url', detail: 'c' },
      { pointer: '', detail: 'd' },
    ]);
    assert.deepEqual(Object.fromEntries(found), {
      '/definition/times': ['a'],
      '/tags': ['b'],
      '/policy/retry/max_attempts': ['0 is too few'],
      '': ['c', 'd'],
    });
  });
});
