import type { Execute } from '../../actors/runs/execute.ts';
import type { Clock, Logger, Random } from '../../actors/shared/environment.ts';
import type { LogAction } from '../../domain/actions/logAction.ts';
import { parseDuration } from '../../domain/timing/duration.ts';

/**
 * The `log` action: one structured line per attempt. For trying policies out, `takes` makes it last, and `fails`
 * is the share of attempts that fail.
 */
export function logAction(
  { logger, clock, random }: { logger: Logger; clock: Clock; random: Random },
): Execute<LogAction> {
  return async ({ run, work: { name, action: { takes, fails = 0 } } }, signal) => {
    logger.info('running schedule', {
      schedule_id: run.schedule_id,
      ...(name === undefined ? {} : { name }),
      run_id: run.id,
      scheduled_for: run.scheduled_for,
      trigger: run.trigger,
      attempt: run.attempt,
      term: run.term,
      lateness_ms: run.lateness_ms,
    });
    if (takes !== undefined) await wait(clock, parseDuration(takes), signal);
    if (random.next() < fails) {
      throw new Error(`The attempt failed, as ${fails * 100} % of this action's do.`);
    }
    return { output: null };
  };
}

/** Resolves after that time; rejects when the attempt is aborted. */
function wait(clock: Clock, forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Error('The attempt was aborted.'));
    const timer = clock.setTimeout(done, forMs);
    const abort = () => {
      clock.clearTimeout(timer);
      reject(new Error('The attempt was aborted.'));
    };
    function done() {
      signal.removeEventListener('abort', abort);
      resolve();
    }
    signal.addEventListener('abort', abort, { once: true });
  });
}
