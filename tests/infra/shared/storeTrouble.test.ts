import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Logger } from '../../../src/actors/shared/environment.ts';
import { StoreRefused, StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import { storeTroubleLog } from '../../../src/infra/shared/storeTrouble.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

function troubles() {
  const clock = new SimClock(0);
  const lines: unknown[] = [];
  const at = (level: string) => (msg: string, fields?: Record<string, unknown>) => {
    const { operation, reason, suppressed } = fields ?? {};
    lines.push([
      level,
      msg.split(/[:;]/)[0],
      operation,
      ...(reason === undefined ? [] : [reason]),
      suppressed,
    ]);
  };
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { clock, lines, tell: storeTroubleLog(logger, clock) };
}

const away = new StoreUnavailable('away');
const full = new StoreRefused('no space', 'OutOfDiskSpace');
const forbidden = new StoreRefused('not allowed', 'Unauthorized');

describe('the log of what goes wrong with the store', () => {
  it('has a line for each kind, which names a call', () => {
    const { lines, tell } = troubles();
    tell('lease.renew', away);
    tell('schedules.create', full);
    tell('runs.record', forbidden);
    tell('runs.get', new TypeError('x is not a function'));
    assert.deepEqual(lines, [
      ['warn', 'the store does not answer', 'lease.renew', 0],
      ['error', 'the store refuses calls', 'schedules.create', 'OutOfDiskSpace', 0],
      ['error', 'the store refuses calls', 'runs.record', 'Unauthorized', 0],
      ['error', 'a store call failed with an unexpected error', 'runs.get', 0],
    ]);
  });

  it('has no second line of a kind within a minute, and says then how many were left out', async () => {
    const { clock, lines, tell } = troubles();
    for (let second = 0; second < 60; second++) {
      tell(`operation ${second}`, full);
      tell(`operation ${second}`, away);
      await clock.advance(1000);
    }
    assert.equal(lines.length, 2);
    tell('runs.record', full);
    assert.deepEqual(lines.at(-1), ['error', 'the store refuses calls', 'runs.record', 'OutOfDiskSpace', 59]);
    await clock.advance(60_000);
    tell('runs.record', full);
    assert.deepEqual(lines.at(-1), ['error', 'the store refuses calls', 'runs.record', 'OutOfDiskSpace', 0]);
  });
});
