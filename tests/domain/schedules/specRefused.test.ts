import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseScheduleSpec } from '../../../src/domain/schedules/spec.ts';
import { atTimes, cron, every } from './specSetup.ts';

function problemsOf(body: unknown): [string, string][] {
  const parsed = parseScheduleSpec(body);
  return parsed.ok
    ? assert.fail('was let through')
    : parsed.problems.map(({ pointer, detail }) => [pointer, detail]);
}

describe('a schedule that is refused', () => {
  const duration = '; write numbers with the units h, m, s, ms, us or ns, as in "1h30m" or "300ms"';
  const known =
    'is not known; the fields of a schedule are type, definition, id, name, description, tags, start_at, end_at, ' +
    'paused, pause_reason, pause_until, jitter, max_runs, delete_after, action, policy, history';
  const policy = 'catch_up, catch_up_window, overlap, timeout, retry, on_executor_loss, pause_after_failures';
  const idAdvice = 'can\'t be an id; write 1 to 128 of A-Z a-z 0-9 . _ - (not just "." or "..")';
  const whole = 'write whole Unicode characters';
  const control = (character: string) => `has a control character, ${character}; leave it out`;
  const bidi = (character: string) =>
    `has a character that turns the direction of writing, ${character}; leave it out`;
  const refused: [string, unknown, [string, string][]][] = [
    ['no body', undefined, [['', 'the body: expected an object, found nothing']]],
    ['null', null, [['', 'the body: expected an object, found null']]],
    ['an array', [every()], [['', 'the body: expected an object, found an array']]],
    ['an empty object', {}, [
      ['/type', 'type: is missing; write one of "cron", "at_times", "duration"'],
      ['/definition', 'definition: is missing; write an object'],
    ]],
    ['an unknown type, and what is wrong besides', { type: 'weekly', definition: {}, name: 3 }, [
      ['/type', 'type: expected one of "cron", "at_times", "duration", found "weekly"'],
      ['/name', 'name: expected a string, found a number'],
    ]],
    ['a type that every object has', { type: 'constructor', definition: {} }, [
      ['/type', 'type: expected one of "cron", "at_times", "duration", found "constructor"'],
    ]],
    ['a bad cron field', cron({ cron_expression: '0 25 * * *' }), [
      ['/definition/cron_expression', 'definition.cron_expression: field 2 (hours): 25 is outside 0–23'],
    ]],
    ['an impossible cron', cron({ cron_expression: '0 0 31 2 *' }), [
      [
        '/definition/cron_expression',
        'definition.cron_expression: it never fires: there is no 31st of February',
      ],
    ]],
    ['another zone', cron({ cron_expression: '* * * * *', timezone: 'Europe/Berlin' }), [
      [
        '/definition/timezone',
        'definition.timezone: "Europe/Berlin" is not understood; this version knows only "UTC"',
      ],
    ]],
    ['fields of another type', cron({ interval: '1s', times: [], foo: 1 }), [
      [
        '/definition/cron_expression',
        'definition.cron_expression: is missing; write a string such as "0 9 * * MON-FRI"',
      ],
      ['/definition/interval', 'definition.interval: belongs to schedules of type duration, not of this one'],
      ['/definition/times', 'definition.times: belongs to schedules of type at_times, not of this one'],
      [
        '/definition/foo',
        'definition.foo: is not known; the fields of a cron definition are cron_expression, timezone',
      ],
    ]],
    ['no definition', { type: 'duration' }, [
      [
        '/definition',
        'definition: is missing; write an object with the fields of a duration definition (interval, anchor)',
      ],
    ]],
    ['a number for an interval', every({ definition: { interval: 300 } }), [
      ['/definition/interval', 'definition.interval: expected a string such as "300ms", found a number'],
    ]],
    ['a negative interval', every({ definition: { interval: '-5s' } }), [
      ['/definition/interval', 'definition.interval: -5s is negative; write 10ms to 87600h'],
    ]],
    ['too short an interval', every({ definition: { interval: '9.999ms' } }), [
      ['/definition/interval', 'definition.interval: 9.999ms is too short; write at least 10ms'],
    ]],
    ['too long an interval', every({ definition: { interval: '87600h1ms' } }), [
      ['/definition/interval', 'definition.interval: 87600h0m0.001s is too long; write at most 87600h'],
    ]],
    ['an interval between milliseconds', every({ definition: { interval: '10.5ms' } }), [
      ['/definition/interval', 'definition.interval: 10.5ms is not a whole number of milliseconds'],
    ]],
    ['an interval in days', every({ definition: { interval: '1d' } }), [
      ['/definition/interval', `definition.interval: "1d" is not a duration: "d" is not a unit${duration}`],
    ]],
    ['an anchor that is no date', every({ definition: { interval: '1s', anchor: '2025-02-30T00:00:00Z' } }), [
      [
        '/definition/anchor',
        'definition.anchor: "2025-02-30T00:00:00Z" is a date or time that does not exist',
      ],
    ]],
    ['no times', atTimes([]), [['/definition/times', 'definition.times: is empty; write at least one time']]],
    ['a time for times', atTimes('2026-01-01T00:00:00Z'), [
      ['/definition/times', 'definition.times: expected an array of RFC 3339 times, found a string'],
    ]],
    ['too many times', atTimes(Array.from({ length: 10_001 }, () => '2026-01-01T00:00:00Z')), [
      ['/definition/times', 'definition.times: has 10001 times; at most 10000 are allowed'],
    ]],
    ['times that are not dates', atTimes(['2026-01-01T00:00:00Z', 4, 'tomorrow']), [
      [
        '/definition/times/1',
        'definition.times[1]: expected an RFC 3339 time such as "2026-01-31T09:30:00Z", found a number',
      ],
      [
        '/definition/times/2',
        'definition.times[2]: "tomorrow" is not an RFC 3339 time; write one such as "2026-01-31T09:30:00Z" or "2026-01-31T10:30:00+01:00"',
      ],
    ]],
    ['an id with a slash', every({ id: 'a/b' }), [['/id', `id: "a/b" ${idAdvice}`]]],
    ['an id that is a step in a path', every({ id: '..' }), [['/id', `id: ".." ${idAdvice}`]]],
    ['an empty id', every({ id: '' }), [['/id', `id: "" ${idAdvice}`]]],
    ['unknown fields', every({ timezone: 'UTC', 'a/b~c': 1 }), [
      ['/timezone', `timezone: ${known}`],
      ['/a~1b~0c', `["a/b~c"]: ${known}`],
    ]],
    ['null for an optional field', every({ name: null }), [['/name', 'name: expected a string, found null']]],
    ['texts that are too long', every({ name: 'n'.repeat(257), description: 'd'.repeat(4097) }), [
      ['/name', 'name: has 257 characters; at most 256 are allowed'],
      ['/description', 'description: has 4097 characters; at most 4096 are allowed'],
    ]],
    ['texts that are too long by characters, not by their parts', every({ name: '😀'.repeat(257) }), [
      ['/name', 'name: has 257 characters; at most 256 are allowed'],
    ]],
    ['tags that are too long', every({ tags: { ['😀'.repeat(129)]: '😀'.repeat(257) } }), [
      [
        `/tags/${'😀'.repeat(129)}`,
        `tags["${'😀'.repeat(40)}…"]: the name of this tag has 129 characters; at most 128 are allowed`,
      ],
      [
        `/tags/${'😀'.repeat(129)}`,
        `tags["${'😀'.repeat(40)}…"]: has 257 characters; at most 256 are allowed`,
      ],
    ]],
    [
      'halves of characters',
      every({ tags: { '\ud800': 'x', 'b': 'a\udfff' }, name: '\ud83d', description: '\ude00' }),
      [
        ['/name', `name: has half of a character, the lone surrogate U+D83D; ${whole}`],
        ['/description', `description: has half of a character, the lone surrogate U+DE00; ${whole}`],
        [
          '/tags/\ud800',
          `tags["\\ud800"]: the name of this tag has half of a character, the lone surrogate U+D800; ${whole}`,
        ],
        ['/tags/b', `tags.b: has half of a character, the lone surrogate U+DFFF; ${whole}`],
      ],
    ],
    [
      'what moves the cursor of a terminal',
      every({
        name: '\u001b]0;X\u0007\u001b[2J',
        description: 'a\rb',
        paused: true,
        pause_reason: 'a\nb',
        tags: { 'a\u009b': 'b\u007f', c: '\u2028' },
      }),
      [
        ['/name', `name: ${control('U+001B')}`],
        ['/description', `description: ${control('U+000D')}`],
        ['/tags/a\u009b', `tags["a\\u009b"]: the name of this tag ${control('U+009B')}`],
        ['/tags/a\u009b', `tags["a\\u009b"]: ${control('U+007F')}`],
        ['/tags/c', 'tags.c: has a line separator, U+2028; leave it out'],
        ['/pause_reason', `pause_reason: ${control('U+000A')}`],
      ],
    ],
    [
      'what turns the direction of writing',
      every({
        name: 'a\u202eb',
        description: 'a\u2066',
        tags: { '\u2069': '\u202a' },
      }),
      [
        ['/name', `name: ${bidi('U+202E')}`],
        ['/description', `description: ${bidi('U+2066')}`],
        ['/tags/\u2069', `tags["\\u2069"]: the name of this tag ${bidi('U+2069')}`],
        ['/tags/\u2069', `tags["\\u2069"]: ${bidi('U+202A')}`],
      ],
    ],
    ['a line break in a cron expression', cron({ cron_expression: '0 9 * *\u000b*' }), [
      ['/definition/cron_expression', `definition.cron_expression: the expression ${control('U+000B')}`],
    ]],
    ['tags that are not a map', every({ tags: ['a'] }), [
      ['/tags', 'tags: expected an object of strings such as {"team": "billing"}, found an array'],
    ]],
    ['tags that are not strings', every({ tags: { a: 1, b: 'x'.repeat(257), '': 'x', 'c\0': 'x' } }), [
      ['/tags/a', 'tags.a: expected a string, found a number'],
      ['/tags/b', 'tags.b: has 257 characters; at most 256 are allowed'],
      ['/tags/', 'tags[""]: the name of this tag is empty'],
      ['/tags/c\0', 'tags["c\\u0000"]: the name of this tag has a control character, U+0000; leave it out'],
    ]],
    [
      'too many tags',
      every({ tags: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`t${i}`, ''])) }),
      [
        ['/tags', 'tags: has 65 tags; at most 64 are allowed'],
      ],
    ],
    [
      'an end that is not after the start',
      every({ start_at: '2026-01-01T00:00:00Z', end_at: '2026-01-01T01:00:00+01:00' }),
      [
        ['/end_at', 'end_at: must be later than start_at'],
      ],
    ],
    [
      'an end before the start, beside other problems',
      every({ name: 1, start_at: '2026-01-01T00:00:00Z', end_at: '2025-01-01T00:00:00Z' }),
      [['/name', 'name: expected a string, found a number'], [
        '/end_at',
        'end_at: must be later than start_at',
      ]],
    ],
    ['a reason without a pause', every({ pause_reason: 'why' }), [
      ['/pause_reason', 'pause_reason: needs "paused": true; leave it out for a schedule that is not paused'],
    ]],
    ['the end of a pause without a pause', every({ pause_until: '2026-01-01T00:00:00Z' }), [
      ['/pause_until', 'pause_until: needs "paused": true; leave it out for a schedule that is not paused'],
    ]],
    ['the end of a pause that is no time', every({ paused: true, pause_until: '1h' }), [
      [
        '/pause_until',
        'pause_until: "1h" is not an RFC 3339 time; write one such as "2026-01-31T09:30:00Z" or "2026-01-31T10:30:00+01:00"',
      ],
    ]],
    ['a pause that is neither true nor false', every({ paused: 'yes', pause_reason: 'why' }), [
      ['/paused', 'paused: expected true or false, found a string'],
    ]],
    ['an action of a later version', every({ action: { type: 'telegram', to: 'x' } }), [
      ['/action/type', 'action.type: expected one of "log", "http", found "telegram"'],
    ]],
    ['an action without a type', every({ action: { takes: '1s' } }), [
      ['/action/type', 'action.type: is missing; write one of "log", "http"'],
    ]],
    ['an action that is none', every({ action: 'http' }), [
      ['/action', 'action: expected an object with the fields of an action, found a string'],
    ]],
    ['a field of another action', every({ action: { type: 'log', url: 'https://a.example' } }), [
      ['/action/url', 'action.url: is not known; the fields of a log action are type, takes, fails'],
    ]],
    [
      'a bad policy',
      every({
        policy: {
          catch_up: 'some',
          catch_up_window: '8760h1s',
          on_executor_loss: 'ignore',
          overlaps: 'skip',
        },
      }),
      [
        ['/policy/catch_up', 'policy.catch_up: expected one of "all", "latest", "none", found "some"'],
        ['/policy/catch_up_window', 'policy.catch_up_window: 8760h0m1s is too long; write at most 8760h'],
        [
          '/policy/on_executor_loss',
          'policy.on_executor_loss: expected one of "retry", "abandon", found "ignore"',
        ],
        [
          '/policy/overlaps',
          `policy.overlaps: is not known; the fields of a policy are ${policy}`,
        ],
      ],
    ],
    [
      'overlap and failures that no policy has',
      every({ policy: { overlap: 'forbid', pause_after_failures: 0 } }),
      [
        [
          '/policy/overlap',
          'policy.overlap: expected one of "allow", "skip", "queue", "replace", found "forbid"',
        ],
        [
          '/policy/pause_after_failures',
          'policy.pause_after_failures: 0 is not a whole number from 1 to 1000',
        ],
      ],
    ],
    [
      'a retry beyond its limits',
      every({
        policy: {
          retry: {
            max_attempts: 0,
            initial_backoff: '-1s',
            multiplier: 0.5,
            max_backoff: '8761h',
            jitter: 1,
          },
        },
      }),
      [
        ['/policy/retry/max_attempts', 'policy.retry.max_attempts: 0 is not a whole number from 1 to 20'],
        ['/policy/retry/initial_backoff', 'policy.retry.initial_backoff: -1s is negative; write 0s to 8760h'],
        ['/policy/retry/multiplier', 'policy.retry.multiplier: 0.5 is not a number from 1 to 100'],
        ['/policy/retry/max_backoff', 'policy.retry.max_backoff: 8761h0m0s is too long; write at most 8760h'],
        [
          '/policy/retry/jitter',
          'policy.retry.jitter: is not known; the fields of a retry are max_attempts, initial_backoff, multiplier, max_backoff',
        ],
      ],
    ],
    ['too many attempts', every({ policy: { retry: { max_attempts: 21 } } }), [
      ['/policy/retry/max_attempts', 'policy.retry.max_attempts: 21 is not a whole number from 1 to 20'],
    ]],
    ['half an attempt', every({ policy: { retry: { max_attempts: 1.5 } } }), [
      ['/policy/retry/max_attempts', 'policy.retry.max_attempts: 1.5 is not a whole number from 1 to 20'],
    ]],
    ['a number of attempts in words', every({ policy: { retry: { max_attempts: '3' } } }), [
      [
        '/policy/retry/max_attempts',
        'policy.retry.max_attempts: expected a whole number from 1 to 20, found a string',
      ],
    ]],
    ['too long a timeout', every({ policy: { timeout: '1h1ms' } }), [
      ['/policy/timeout', 'policy.timeout: 1h0m0.001s is too long; write at most 1h'],
    ]],
    ['too short a timeout', every({ policy: { timeout: '0s' } }), [
      ['/policy/timeout', 'policy.timeout: 0s is too short; write at least 100ms'],
    ]],
    ['too long a jitter', cron({ cron_expression: '@daily' }, { jitter: '61m' }), [
      ['/jitter', 'jitter: 1h1m0s is too long; write at most 1h'],
    ]],
    ['a jitter as long as the interval', every({ jitter: '0.3s' }), [
      ['/jitter', 'jitter: must be shorter than definition.interval'],
    ]],
    ['a jitter longer than the interval, beside other problems', every({ jitter: '1s', name: 1 }), [
      ['/name', 'name: expected a string, found a number'],
      ['/jitter', 'jitter: must be shorter than definition.interval'],
    ]],
    ['no run at most', every({ max_runs: 0 }), [
      ['/max_runs', 'max_runs: 0 is not a whole number from 1 to 1000000000'],
    ]],
    ['half a run', every({ max_runs: 1.5 }), [
      ['/max_runs', 'max_runs: 1.5 is not a whole number from 1 to 1000000000'],
    ]],
    ['too long a time until it is deleted', every({ delete_after: '8761h' }), [
      ['/delete_after', 'delete_after: 8761h0m0s is too long; write at most 8760h'],
    ]],
    [
      'an action that takes too long, and fails too often',
      every({
        action: { type: 'log', takes: '1h1s', fails: 1.1 },
      }),
      [
        ['/action/takes', 'action.takes: 1h0m1s is too long; write at most 1h'],
        ['/action/fails', 'action.fails: 1.1 is not a number from 0 to 1'],
      ],
    ],
    ['an action that fails less than never', every({ action: { type: 'log', fails: -0.1 } }), [
      ['/action/fails', 'action.fails: -0.1 is not a number from 0 to 1'],
    ]],
    ['a bad history', every({ history: { success: '59s', failure: '-1h' } }), [
      ['/history/success', 'history.success: 59s is too short; write at least 1m'],
      ['/history/failure', 'history.failure: -1h0m0s is negative; write 1m to 8760h'],
    ]],
    ['a policy that is no object', every({ policy: 'all' }), [
      [
        '/policy',
        `policy: expected an object with the fields of a policy (${policy}), found a string`,
      ],
    ]],
  ];
  for (const [what, body, problems] of refused) {
    it(what, () => assert.deepEqual(problemsOf(body), problems));
  }

  it('tells at most 100 problems, and that there are more', () => {
    const problems = problemsOf(atTimes(Array.from({ length: 500 }, () => 1)));
    assert.equal(problems.length, 101);
    assert.deepEqual(problems.at(-1), ['', 'the body: there are more problems than these 100']);
  });

  it('never throws, and never lets a problem without a field or a sentence through', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('cron', 'at_times', 'duration', 'x'), (value, type) => {
        const objects = [value, { type, definition: value }, {
          ...every(),
          tags: value,
          history: value,
          start_at: value,
        }];
        for (const body of objects) {
          const parsed = parseScheduleSpec(body);
          if (parsed.ok) continue;
          assert.ok(parsed.problems.length > 0);
          for (const { pointer, detail } of parsed.problems) {
            assert.match(pointer, /^(\/|$)/);
            assert.match(detail, /^.+: .+/s);
          }
        }
      }),
    );
  });
});
