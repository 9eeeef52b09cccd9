import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseScheduleSpec } from '../../src/domain/schedules/spec.ts';
import { zoneOf } from '../../src/domain/timing/zone.ts';
import {
  actionFieldsOf,
  actionOf,
  bodyText,
  bodyValue,
} from '../../src/http/inspector/page/form/formAction.js';
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
      const full = {
        ...body,
        paused: false,
        policy: { catch_up: 'latest' },
        history: { success: '1h' },
        action: { type: 'log' },
      };
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
      action: { type: 'mail', to: ['a@b.example'] },
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

  it('shows each problem once, at its field, and others at the top', () => {
    const found = byField([
      { pointer: '/definition/times/3', detail: 'a' },
      { pointer: '/definition/times/3', detail: 'a' },
      { pointer: '/tags/team', detail: 'b' },
      { pointer: '/policy/retry/max_attempts', detail: 'policy.retry.max_attempts: 0 is too few' },
      { pointer: '/action/url', detail: 'action.url: is missing' },
      { pointer: '/action/headers/X-Key', detail: 'e' },
      { pointer: '/action/body/user/0', detail: 'f' },
      { pointer: '/action/success/1', detail: 'g' },
      { pointer: '/action/signing/secrets/0', detail: 'h' },
      { pointer: '/action/type', detail: 'c' },
      { pointer: '', detail: 'd' },
    ]);
    assert.deepEqual(Object.fromEntries(found), {
      '/definition/times': ['a'],
      '/tags': ['b'],
      '/policy/retry/max_attempts': ['0 is too few'],
      '/action/url': ['is missing'],
      '/action/headers': ['e'],
      '/action/body': ['f'],
      '/action/success': ['g'],
      '/action/signing/secrets': ['h'],
      '': ['c', 'd'],
    });
  });
});

describe('the action in the form of a schedule', () => {
  const HTTP = {
    type: 'http',
    method: 'PUT',
    url: 'https://jobs.example/a?at={{run.scheduled_for}}',
    headers: { Authorization: 'Bearer {{secret.TOKEN}}', 'X-Empty': '', 'X-Pair': 'a: b=c' },
    body: { user: ['a', 1, null], nested: { deep: true } },
    success: ['2xx', 404],
    signing: { secrets: ['NEW', 'OLD'] },
    cloud_events: true,
  };

  /** As the API stores it. */
  function stored(action: object): object {
    const parsed = parseScheduleSpec({ type: 'duration', definition: { interval: '1h' }, action });
    assert.ok(parsed.ok, JSON.stringify(parsed));
    return parsed.spec.action;
  }

  it('is sent as it was unless it is changed', () => {
    const strings = ['', ' ', '\n', 'a\r\nb', ' a ', '12', '"', '""', '{}', '{{run.id}}', 'é\u00a0'];
    const actions = [
      ...[{ type: 'log' }, { type: 'log', takes: '2s', fails: 0 }, { type: 'log', fails: 0.25 }],
      ...[HTTP, { type: 'http', url: 'http://a.example', method: 'GET' }],
      ...[...strings, null, 0, false, [], {}].map((body) => ({
        type: 'http',
        url: 'http://a.example',
        body,
      })),
    ].map(stored);
    for (const action of actions) {
      assert.deepEqual(actionOf(actionFieldsOf(action), action), action);
      assert.deepEqual(stored(actionOf(actionFieldsOf(action), {})), action, 'the fields have all of it');
    }
  });

  it('shows JSON with indentation, and a string as itself unless that is JSON', () => {
    assert.equal(bodyText({ a: [1] }), '{\n  "a": [\n    1\n  ]\n}');
    assert.equal(bodyText('plain {{run.id}}'), 'plain {{run.id}}');
    assert.equal(bodyText('[1]'), '"[1]"');
    assert.deepEqual(['{"a": 1}', '"[1]"', '{"a": 1', 'null'].map(bodyValue), [
      { a: 1 },
      '[1]',
      '{"a": 1',
      null,
    ]);
  });

  it('reads lines of headers and lists with commas', () => {
    const action = actionOf({
      '/action/type': 'http',
      '/action/url': ' http://a.example ',
      '/action/headers': 'A:1\n\n  B : x: y \nA: 2',
      '/action/success': '2xx,404 , ',
      '/action/signing/secrets': ' ONE,TWO',
      '/action/body': ' text ',
    });
    assert.deepEqual(action, {
      type: 'http',
      url: 'http://a.example',
      headers: { A: '1, 2', B: 'x: y' },
      success: ['2xx', 404],
      signing: { secrets: ['ONE', 'TWO'] },
      body: ' text ',
      cloud_events: false,
    });
  });

  it('leaves out what was emptied', () => {
    const empty = Object.keys(actionFieldsOf(HTTP)).map((pointer) => [pointer, '']);
    const fields = {
      ...Object.fromEntries(empty),
      '/action/type': 'http',
      '/action/url': 'http://a.example',
    };
    assert.deepEqual(stored(actionOf(fields, HTTP)), stored({ type: 'http', url: 'http://a.example' }));
    assert.deepEqual(actionOf({ '/action/type': 'log', '/action/fails': '' }, { type: 'log', fails: 1 }), {
      type: 'log',
    });
  });

  it('sends only the fields of its type, and keeps what was typed for the other one', () => {
    const fields = { ...actionFieldsOf(HTTP), '/action/takes': '1s', '/action/fails': '0.5' };
    assert.deepEqual(actionOf({ ...fields, '/action/type': 'log' }, HTTP), {
      type: 'log',
      takes: '1s',
      fails: 0.5,
    });
    assert.deepEqual(actionOf(fields, { type: 'log' }), HTTP);
  });

  it('offers to keep one of an unknown type', () => {
    const mail = { type: 'mail', url: 'x', to: ['a'] };
    const fields = actionFieldsOf(mail);
    assert.equal(fields['/action/other'], 'mail');
    assert.deepEqual(actionOf(fields, mail), mail);
    assert.deepEqual(actionOf({ ...fields, '/action/type': 'log' }, mail), { type: 'log' });
  });
});
