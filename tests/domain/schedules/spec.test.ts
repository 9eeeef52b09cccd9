import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseScheduleSpec } from '../../../src/domain/schedules/spec.ts';
import { atTimes, cron, every } from './specSetup.ts';

const policy = {
  catch_up: 'all',
  catch_up_window: '60s',
  overlap: 'allow',
  timeout: '30s',
  retry: { max_attempts: 1, initial_backoff: '1s', multiplier: 2, max_backoff: '10m' },
  on_executor_loss: 'retry',
  pause_after_failures: null,
};
const defaults = {
  paused: false,
  action: { type: 'log' },
  policy,
  history: { success: '24h', failure: '168h' },
};

function specOf(body: unknown) {
  const parsed = parseScheduleSpec(body);
  return parsed.ok ? parsed.spec : assert.fail(JSON.stringify(parsed.problems));
}

describe('a schedule in a request', () => {
  it('gets the defaults', () => {
    assert.deepEqual(parseScheduleSpec(every()), { ok: true, spec: { ...every(), ...defaults } });
    assert.deepEqual(specOf(cron({ cron_expression: '@daily' })).definition, {
      cron_expression: '@daily',
      timezone: 'UTC',
    });
    const some = { catch_up: 'none', retry: { max_attempts: 3 } };
    assert.deepEqual(specOf(every({ policy: some, history: { success: '1m' } })), {
      ...every(),
      ...defaults,
      policy: { ...policy, catch_up: 'none', retry: { ...policy.retry, max_attempts: 3 } },
      history: { success: '1m', failure: '168h' },
    });
  });

  it('keeps what it says, times as dates', () => {
    const body = {
      type: 'duration',
      definition: { interval: '1h30m', anchor: '2026-01-01T00:00:00Z' },
      name: 'n'.repeat(256),
      description: '',
      tags: { 'app.kubernetes.io/name': 'billing', [JSON.parse('"__proto__"')]: 'kept' },
      start_at: '2026-01-01T00:00:00+01:00',
      end_at: '2027-01-01T00:00:00Z',
      paused: true,
      pause_reason: 'maintenance',
      pause_until: '2026-06-01T00:00:00Z',
      jitter: '1h',
      max_runs: 1_000_000_000,
      delete_after: '0s',
      action: { type: 'log', takes: '1h', fails: 0.25 },
      policy: {
        catch_up: 'latest',
        catch_up_window: '8760h',
        overlap: 'replace',
        timeout: '1h',
        retry: { max_attempts: 20, initial_backoff: '600h', multiplier: 1.5, max_backoff: '8760h' },
        on_executor_loss: 'abandon',
        pause_after_failures: 5,
      },
      history: { success: '1m', failure: '8760h' },
    };
    assert.deepEqual(specOf(body), {
      ...body,
      definition: { interval: '1h30m', anchor: new Date('2026-01-01T00:00:00Z') },
      start_at: new Date('2025-12-31T23:00:00Z'),
      end_at: new Date('2027-01-01T00:00:00Z'),
      pause_until: new Date('2026-06-01T00:00:00Z'),
    });
  });

  it('has its times sorted, each once', () => {
    const times = [
      '2026-01-02T00:00:00Z',
      '2026-01-01T00:00:00.0009Z',
      '2026-01-02T01:00:00+01:00',
      '2026-01-01T00:00:00Z',
    ];
    assert.deepEqual(specOf(atTimes(times)).definition, {
      times: [new Date('2026-01-01'), new Date('2026-01-02')],
    });
  });

  it('may choose its id, which is returned beside the spec', () => {
    for (const id of ['a', 'A-z_0.9', 'x'.repeat(128), '...']) {
      assert.deepEqual(parseScheduleSpec(every({ id })), { ok: true, spec: { ...every(), ...defaults }, id });
    }
  });

  it('may have texts of any writing, as long as the limit says in characters', () => {
    const body = {
      name: '😀'.repeat(256),
      description: 'Zeile 1\n\tZeile 2\r\nשלום \u200fעולם',
      tags: { ['😀'.repeat(128)]: '😀'.repeat(256), 'naïve': 'e\u0301\u200d' },
    };
    assert.deepEqual(specOf(every(body)), { ...every(), ...defaults, ...body });
  });

  it('can be sent back as it was answered', () => {
    const owned = {
      completed: false,
      recent_runs: [{ id: 'y' }],
      revision: 3,
      created_at: 'x',
      updated_at: null,
      next_fire_at: null,
      last_run: { id: 'y' },
    };
    const durations = fc.constantFrom('1m', '1.5h', '24h');
    const bodies = fc.record({
      name: fc.string({ unit: 'grapheme', maxLength: 60 }).filter((name) => !UNPRINTABLE.test(name)),
      tags: fc.dictionary(fc.stringMatching(/^[a-z$.]{1,20}$/), fc.string({ maxLength: 256 }), {
        maxKeys: 64,
      }),
      start_at: fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }),
      paused: fc.boolean(),
      history: fc.record({ success: durations, failure: durations }, { requiredKeys: [] }),
    }, { requiredKeys: [] });
    const timings = fc.constantFrom(
      every(),
      cron({ cron_expression: '0 9 * * *' }),
      atTimes(['2026-01-01T00:00:00Z']),
    );
    fc.assert(fc.property(timings, bodies, (timing, body) => {
      const spec = specOf(JSON.parse(JSON.stringify({ ...timing, ...body })));
      assert.deepEqual(parseScheduleSpec(JSON.parse(JSON.stringify({ ...spec, ...owned, id: 'z' }))), {
        ok: true,
        spec,
        id: 'z',
      });
    }));
  });
});

describe('whatever text is sent', () => {
  const unit = fc.oneof(
    fc.constantFrom(
      '\ud800',
      '\udfff',
      '\u202e',
      '\u2069',
      '\u0085',
      '\u001b',
      '\n',
      '\0',
      '\u2028',
      '😀',
      'ü',
      '0',
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  );
  const text = fc.oneof(
    fc.string({ unit, maxLength: 4 }),
    fc.constantFrom('a', '', '0 0 * * *', '1h', 'UTC'),
  );
  const spaced = fc.tuple(text, text).map(([a, b]) => `${a}0 0 * *${b} *`);
  const timings = fc.oneof(
    fc.constant({ type: 'duration', definition: { interval: '1h' } }),
    text.map((interval) => ({ type: 'duration', definition: { interval } })),
    spaced.map((cron_expression) => ({ type: 'cron', definition: { cron_expression } })),
  );
  const texts = fc.record({
    name: text,
    description: text,
    pause_reason: text,
    tags: fc.dictionary(text, text),
  }, {
    requiredKeys: [],
  });
  const bodies = fc.tuple(timings, texts).map(([timing, fields]) => ({ ...timing, ...fields, paused: true }));

  it('what is taken is whole Unicode that can be printed', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const parsed = parseScheduleSpec(body);
        const taken = JSON.stringify(parsed, (key, value) => {
          assert.doesNotMatch(key, UNPRINTABLE);
          const lines = key === 'description' || key === 'cron_expression';
          if (parsed.ok && typeof value === 'string') {
            assert.doesNotMatch(lines ? value.replaceAll(/\t|\r?\n/g, '') : value, UNPRINTABLE);
          }
          return value;
        });
        // JSON.stringify escapes what is no whole Unicode.
        if (parsed.ok) assert.doesNotMatch(taken, /\\ud[89a-f]/);
      }),
      { numRuns: 2000 },
    );
  });
});

const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\p{Surrogate}]/u;
