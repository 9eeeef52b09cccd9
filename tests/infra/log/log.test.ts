import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logAction } from '../../../src/infra/actions/logAction.ts';
import { jsonLogger, LOG_LEVELS, type LogLevel } from '../../../src/infra/log/log.ts';
import type { ActionAttempt } from '../../../src/actors/runs/execute.ts';
import type { LogAction } from '../../../src/domain/actions/logAction.ts';
import { workOf } from '../../../src/domain/runs/run.ts';
import { owned } from '../../support/runs.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

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

/** Values at which JSON.stringify throws, or which throw when they are looked at. */
function hostile(): Record<string, unknown> {
  const circle: Record<string, unknown> = { name: 'a' };
  circle.self = circle;
  const throws = () => {
    throw new Error('not for you');
  };
  const deep: unknown[] = [];
  for (let inner = deep, depth = 0; depth < 100_000; depth++) inner.push(inner = []);
  const trap = new Proxy({}, {
    get: throws,
    ownKeys: throws,
    getPrototypeOf: throws,
    getOwnPropertyDescriptor: throws,
  });
  return {
    bigint: 2n ** 70n,
    'bigint inside': { ids: [1n] },
    circle,
    'a getter': Object.defineProperty({ good: 1 }, 'bad', { get: throws, enumerable: true }),
    toJSON: { toJSON: throws },
    'toJSON of a BigInt': { toJSON: () => 1n },
    symbol: Symbol('s'),
    date: Object.assign(new Date(T), { toISOString: throws, toJSON: throws }),
    'no date': new Date(NaN),
    proxy: trap,
    deep,
    error: Object.defineProperty(new Error('x'), 'message', { get: throws }),
    'error without a text': Object.assign(new Error('x'), { message: { odd: true }, cause: new Error('y') }),
    nan: NaN,
    function: throws,
    undefined,
    __proto__: null,
  };
}

describe('log lines of anything', () => {
  it('never throw, and keep what can be read', () => {
    for (const [name, value] of Object.entries(hostile())) {
      const { log, lines, last } = logger('info');
      log.info('before it all went wrong', { a: 1, [name]: value, z: 2 });
      assert.equal(lines.length, 1, name);
      const { msg, a, z } = last();
      assert.deepEqual([msg, a, z], ['before it all went wrong', 1, 2], name);
    }
    const { log, last } = logger('info');
    log.warn('all', hostile());
    const said = last();
    assert.equal(said.bigint, '1180591620717411303424');
    assert.deepEqual(said['bigint inside'], { ids: ['1'] });
    assert.deepEqual(said.circle, { name: 'a', self: '[circular]' });
    assert.deepEqual(said['a getter'], { good: 1, bad: '[unreadable]' });
    assert.equal(said.symbol, 'Symbol(s)');
    assert.equal(said['no date'], null);
    assert.equal(said.nan, 'NaN');
    assert.equal(said.proxy, '[unreadable]');
  });

  it('are written when the fields themselves can’t be read', () => {
    const { log, last } = logger('info');
    const throws = () => {
      throw new Error('no');
    };
    log.error('down', new Proxy({}, { ownKeys: throws }));
    assert.deepEqual([last().msg, last().fields], ['down', '[unreadable]']);
    log.error('down', Object.defineProperty({ a: 1 }, 'b', { get: throws, enumerable: true }));
    assert.deepEqual([last().msg, last().a, last().b], ['down', 1, '[unreadable]']);
  });

  it('show in brief what is large (G9)', () => {
    const { log, lines } = logger('info');
    log.info('much', {
      text: 'x'.repeat(10_000_000),
      error: new Error('y'.repeat(10_000_000)),
      list: Array.from({ length: 1_000_000 }, (_, n) => n),
      object: { ['k'.repeat(1_000_000)]: 1 },
      bytes: Buffer.alloc(1_000_000),
    });
    assert.ok(lines[0]!.length < 5_000, `${lines[0]!.length} characters`);
  });

  it('are as they were for what is small', () => {
    const { log, last } = logger('info');
    const lines = Array.from({ length: 50 }, (_, n) => `line ${n}`);
    log.info('the whole', { lines, level: 'mine' });
    assert.deepEqual([last().lines, last().level], [lines, 'mine']);
  });

  it('have nothing in them that a terminal would obey, and are the same JSON', () => {
    const { log, lines, last } = logger('info');
    const name = '\u001b]0;X\u0007\u009b2J\u007f\u202e\u2028\u200b';
    log.info(name, { name, [name]: [name] });
    assert.match(lines[0]!, /^[\x20-\x7e]*\n$/);
    assert.deepEqual([last().msg, last().name, last()[name]], [name, name, [name]]);
  });
});

describe('the log action', () => {
  const run = owned('s', T, { lateness_ms: 7, attempt: 2, term: 4, trigger: 'catch_up' });
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

  /** An attempt of the action, with that work, and a source of randomness that says `next`. */
  function attempt(more: Partial<ActionAttempt<LogAction>['work']> = {}, next = 0) {
    const clock = new SimClock(T);
    const { log, lines, last } = logger('info');
    const execute = logAction({ logger: log, clock, random: { next: () => next, uuid: () => '' } });
    const aborting = new AbortController();
    const work = { ...workOf(run), action: { type: 'log' as const }, ...more };
    const done = execute({ run, work }, aborting.signal)
      .then(({ output }) => ({ output }), ({ message }: Error) => ({ message }));
    return { clock, lines, last, done, abort: () => aborting.abort() };
  }

  it('writes one line per attempt, and succeeds without output', async () => {
    const { done, lines, last } = attempt();
    assert.deepEqual(await done, { output: null });
    assert.deepEqual([lines.length, last()], [1, said]);
  });

  it('says the name of a schedule that has one', async () => {
    const { done, last } = attempt({ name: 'nightly' });
    await done;
    assert.deepEqual(last(), { ...said, name: 'nightly' });
  });

  it('takes as long as it is told to', async () => {
    const { clock, done } = attempt({ action: { type: 'log', takes: '3s' } });
    let ended = false;
    void done.then(() => (ended = true));
    await clock.advance(2999);
    assert.equal(ended, false);
    await clock.advance(1);
    assert.deepEqual(await done, { output: null });
  });

  it('ends at once when it is aborted meanwhile, and leaves no timer', async () => {
    const { clock, done, abort } = attempt({ action: { type: 'log', takes: '1h' } });
    abort();
    assert.deepEqual(await done, { message: 'The attempt was aborted.' });
    assert.equal(clock.timers, 0);
  });

  it('fails as often as it is told to', async () => {
    const action = { type: 'log', fails: 0.3 } as const;
    assert.deepEqual(await attempt({ action }, 0.3).done, { output: null });
    const message = "The attempt failed, as 30 % of this action's do.";
    assert.deepEqual(await attempt({ action }, 0.29).done, { message });
    assert.deepEqual(await attempt({}, 0).done, { output: null }, 'never, unless told to');
  });
});
