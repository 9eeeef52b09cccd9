import type { Execute } from '../../actors/runs/execute.ts';
import type { Logger } from '../../actors/shared/environment.ts';

/** The `log` action: one structured line per attempt. */
export function logAction(logger: Logger): Execute {
  return async ({ run, schedule }) => {
    logger.info('running schedule', {
      schedule_id: run.schedule_id,
      ...(schedule.name === undefined ? {} : { name: schedule.name }),
      run_id: run.id,
      scheduled_for: run.scheduled_for,
      trigger: run.trigger,
      attempt: run.attempt,
      term: run.term,
      lateness_ms: run.lateness_ms,
    });
    return { output: null };
  };
}
