import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logAction } from '../../src/infra/actions/log.ts';
import { jsonLogger, LOG_LEVELS, type LogLevel } from '../../src/infra/log.ts';
import { claimed } from '../support/runs.ts';
import { every } from '../support/schedules.ts';
import { SimClock } from '../support/simClock.ts';

const T = Date.UTC(2030, 0, 1);

function logger(level: LogLevel) {
  const lines: string[] = [];
  const log = jsonLogger({ level, replica: 'r1', clock: new SimClock(T), write: (line) => lines.push(line) });
  return { log, lines, last: () => JSON.parse(lines.at(-1) as string) as Record<string, unknown> };
}

describe('log lines', () => {
  it('are JSON objects, one a line: time, level, msg, replica, then the fields', () => {
    const { log, lines } = logger('debug');
    log.info('leading', { role: 'leader', since: new Date(T), n: 3, none: null });
    log.debug('two\nlines');
    assert.deepEqual(lines, [
      '{"time":"2030-01-01T00:00:00.000Z","level":"info","msg":"leading","replica":"r1","role":"leader",' +
      '"since":"2030-01-01T00:00:00.000Z","n":3,"none":null}\n',
      '{"time":"2030-01-01T00:00:00.000Z","level":"debug","msg":"two\\nlines","replica":"r1"}\n',
    ]);
  });

  LOG_LEVELS.forEach((level, index) => {
    it(`from ${level} on, when the level is ${level}`, () => {
      const { log, lines } = logger(level);
      for (const each of LOG_LEVELS) log[each](each);
      assert.deepEqual(lines.map((line) => JSON.parse(line).level), LOG_LEVELS.slice(index));
    });
  });

  it('say an error by its message, and its cause by its own, wherever it is', () => {
    const { log, last } = logger('info');
    const cause = new Error('connect ECONNREFUSED');
    log.warn('no answer', { error: new Error('cut off'), deeper: { errors: [new Error('why', { cause })] } });
    assert.equal(last().error, 'cut off');
    assert.deepEqual(last().deeper, { errors: ['why (connect ECONNREFUSED)'] });
    log.warn('no answer', { error: new Error('cut off', { cause: 'a text' }) });
    assert.equal(last().error, 'cut off');
  });
});

describe('the log action', () => {
  const run = claimed('s', T, { lateness_ms: 7, attempt: 2, term: 4, trigger: 'catch_up' });
  const said = {
    time: '2030-01-01T00:00:00.000Z',
    level: 'info',
    msg: 'running schedule',
    replica: 'r1',
    schedule_id: 's',
    run_id: 's@2030-01-01T00:00:00.000Z',
    scheduled_for: '2030-01-01T00:00:00.000Z',
    trigger: 'catch_up',
    attempt: 2,
    term: 4,
    lateness_ms: 7,
  };

  it('writes one line per attempt, and succeeds without output', async () => {
    const { log, lines, last } = logger('info');
    const { signal } = new AbortController();
    assert.deepEqual(await logAction(log)({ run, schedule: every(100, T) }, signal), { output: null });
    assert.deepEqual([lines.length, last()], [1, said]);
  });

  it('says the name of a schedule that has one', async () => {
    const { log, last } = logger('info');
    const { signal } = new AbortController();
    await logAction(log)({ run, schedule: every(100, T, { name: 'nightly' }) }, signal);
    assert.deepEqual(last(), { ...said, name: 'nightly' });
  });
});
