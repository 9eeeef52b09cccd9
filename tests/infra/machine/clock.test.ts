import assert from 'node:assert/strict';
import { afterEach, describe, it, mock } from 'node:test';
import { systemClock } from '../../../src/infra/machine/clock.ts';

/** The longest that a native timer can wait. */
const PIECE_MS = 2 ** 31 - 1;

describe('system clock', () => {
  afterEach(() => mock.timers.reset());

  it('fires after delays longer than a native timer can wait, and not before', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    let fired = 0;
    systemClock().setTimeout(() => fired++, 2 * PIECE_MS + 10);
    for (const piece of [PIECE_MS, PIECE_MS, 9]) mock.timers.tick(piece);
    assert.equal(fired, 0);
    mock.timers.tick(1);
    assert.equal(fired, 1);
  });

  it('can be stopped in any piece of a long delay', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const clock = systemClock();
    let fired = 0;
    const handle = clock.setTimeout(() => fired++, 2 * PIECE_MS);
    mock.timers.tick(PIECE_MS);
    clock.clearTimeout(handle);
    mock.timers.tick(PIECE_MS);
    assert.equal(fired, 0);
    clock.clearTimeout(undefined);
  });

  it('has a monotonic time that goes on', async () => {
    const clock = systemClock();
    const start = clock.monotonic();
    await new Promise<void>((resolve) => clock.setTimeout(resolve, 5));
    assert.ok(clock.monotonic() - start >= 4);
    assert.ok(Math.abs(clock.now() - Date.now()) < 1000);
  });
});
