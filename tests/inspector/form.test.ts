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

  it('omits the reason of a pause that is over', () => {
    const base = {
      type: 'cron',
      definition: { cron_expression: '* * * * *' },
      paused: true,
      pause_reason: 'audit',
    };
    assert.equal('pause_reason' in bodyOf({ ...fieldsOf(base), '/paused': '' }, base), false);
    assert.equal(bodyOf(fieldsOf(base), base).pause_reason, 'audit');
  });

  it('shows each problem at its field, and others at the top', () => {
    const found = byField([
      { pointer: '/definition/times/3', detail: 'a' },
      { pointer: '/tags/team', detail: 'b' },
      { pointer: '/action/url', detail: 'c' },
      { pointer: '', detail: 'd' },
    ]);
    assert.deepEqual(Object.fromEntries(found), {
      '/definition/times': ['a'],
      '/tags': ['b'],
      '': ['c', 'd'],
    });
  });
});
