/** The audit of lives: it must find each kind of violation. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RecordedRun } from '../../harness/chaos/audit.ts';
import { checkBackfills, checkLives, type RecordedAttempt } from '../../harness/chaos/lives.ts';
import { BACKFILL_SIZE, MAX_ATTEMPTS } from '../../harness/chaos/steady.ts';

const at = (seconds: number) => new Date(Date.UTC(2030, 0, 1) + seconds * 1000);

/** A run that was due at `second`. */
function run(scheduleId: string, second: number, more: Partial<RecordedRun> = {}): RecordedRun {
  const times = { scheduled_for: at(second), since: at(second) };
  return {
    _id: `${scheduleId}@${second}`,
    schedule_id: scheduleId,
    schedule_revision: 1,
    ...times,
    count: 1,
    state: 'succeeded',
    attempt: 1,
    term: 1,
    attempts: [attempt(1, second, second + 1)],
    ...more,
  };
}

function attempt(number: number, from: number, to: number, state = 'succeeded'): RecordedAttempt {
  return { number, started_at: at(from), finished_at: at(to), state };
}

describe('the audit of lives', () => {
  it('accepts attempts one after the other, and one beside an attempt whose executor was taken for dead', () => {
    const failed = Array.from({ length: MAX_ATTEMPTS }, (_, k) => attempt(k + 1, 2 * k, 2 * k + 1, 'failed'));
    const lost = [attempt(1, 0, 5, 'lost'), attempt(2, 3, 4)];
    assert.deepEqual(
      checkLives([
        run('retry-300ms', 0, { state: 'failed', attempts: failed }),
        run('skip-500ms', 0, { attempts: lost }),
        run('queue-2s', 10),
        run('queue-2s', 12),
      ]),
      [],
    );
  });

  it('finds an attempt that began before the one before it had ended, or after the run had succeeded', () => {
    const early = [attempt(1, 0, 5, 'failed'), attempt(2, 3, 6)];
    assert.match(checkLives([run('retry-300ms', 0, { attempts: early })]).join(), /had ended/);
    const again = [attempt(1, 0, 1), attempt(2, 2, 3)];
    assert.match(
      checkLives([run('slow-1s', 0, { attempts: again })]).join(),
      /follows one that has succeeded/,
    );
  });

  it('finds more or fewer unsuccessful attempts than the policy allows', () => {
    const one = run('retry-300ms', 0, { state: 'failed', attempts: [attempt(1, 0, 1, 'failed')] });
    assert.match(checkLives([one]).join(), /failed after 1 unsuccessful attempts, of 4/);
    const two = [attempt(1, 0, 1, 'failed'), attempt(2, 2, 3, 'failed')];
    assert.match(
      checkLives([run('slow-1s', 0, { state: 'failed', attempts: two })]).join(),
      /2 .*, of 1/,
    );
    const failed = [attempt(1, 0, 1, 'failed')];
    assert.match(checkLives([run('retry-300ms', 0, { attempts: failed })]).join(), /last attempt has failed/);
  });

  it('finds two runs at once, and a queue out of order', () => {
    const two = [run('replace-2s', 0, { attempts: [attempt(1, 0, 3)] }), run('replace-2s', 2)];
    assert.match(checkLives(two).join(), /replace-2s@2 began before replace-2s@0 had ended, 1000 ms/);
    const swapped = [
      run('queue-2s', 0, { attempts: [attempt(1, 5, 6)] }),
      run('queue-2s', 2, { attempts: [attempt(1, 3, 4)] }),
    ];
    assert.deepEqual(checkLives(swapped), ['queue-2s@2 began before queue-2s@0']);
  });

  it('finds a backfill that is lost, incomplete, or ran an occurrence twice', () => {
    const stored = {
      _id: 'b',
      state: 'completed',
      total: BACKFILL_SIZE,
      created: BACKFILL_SIZE,
      already_run: 0,
    };
    const runs = Array.from(
      { length: BACKFILL_SIZE },
      (_, k) => run('backfilled-1h', k, { backfill_id: 'b' }),
    );
    assert.deepEqual(checkBackfills(['b'], [stored], runs), []);
    assert.match(
      checkBackfills(['b', 'c'], [stored], runs).join(),
      /backfill c: acknowledged, and not stored/,
    );
    assert.match(checkBackfills(['b'], [{ ...stored, state: 'running' }], runs).join(), /running/);
    assert.match(checkBackfills(['b'], [stored], runs.slice(1)).join(), /19 stored/);
    assert.match(checkBackfills(['b'], [stored], [...runs.slice(1), runs[1]!]).join(), /twice/);
  });
});
