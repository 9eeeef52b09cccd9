/** Log lines for the events of a replica's machines. */
import type { ElectionNews } from './actors/leadership/electionEvents.ts';
import type { Logger } from './actors/shared/environment.ts';
import { termsOf } from './domain/leadership/term.ts';
import type { NotUnderstood } from './domain/schedules/schedule.ts';
import { LogThrottle } from './infra/log/logThrottle.ts';
import type { ReplicaDeps, SlotDeps } from './slots/deps.ts';

/** Throttle per message, ms; repeats within it are logged at debug level (G9). */
const REPORT_EVERY_MS = 5000;

/** Throttles repeated warnings. */
export function reporting({ clock, logger }: ReplicaDeps): SlotDeps['report'] {
  const throttle = new LogThrottle(clock, REPORT_EVERY_MS);
  return (_, { message, error }) => {
    const fields = error instanceof Error ? { error } : {};
    const suppressed = throttle.admit(message);
    if (suppressed === null) logger.debug(message, fields);
    else logger.warn(message, { ...fields, ...(suppressed > 0 && { suppressed }) });
  };
}

export function logElection(logger: Logger, event: ElectionNews): void {
  switch (event.type) {
    case 'ELECTION.ROLE':
      return logger.info(event.role === 'leader' ? 'leading' : `now ${event.role}`, { role: event.role });
    case 'ELECTION.BEGAN': {
      const { began } = termsOf(event.acquisition);
      return logger.info('term began', { term: began.term, by: began.began_by, gap_ms: began.gap_ms });
    }
    case 'ELECTION.ENDED':
      return logger.info('term ended', { term: event.term, by: event.by });
  }
}

export function logClockStep(logger: Logger, stepMs: number): void {
  const by_ms = Math.round(Math.abs(stepMs));
  if (stepMs > 0) return logger.warn("the database server's clock was set forward", { by_ms });
  logger.warn(
    "the database server's clock was set back: schedules fire again once it has passed what it has shown before; " +
      'what is created or changed from now on fires by the clock as it is now',
    { by_ms },
  );
}

/** Set-aside schedules logged by name, at most. */
const MAX_NAMED = 20;

export function logSetAside(logger: Logger, schedules: readonly NotUnderstood[]): void {
  for (const { id, not_understood } of schedules.slice(0, MAX_NAMED)) {
    logger.warn('a schedule is not understood by this version and is set aside', {
      schedule_id: id,
      reason: not_understood,
    });
  }
  const more = schedules.length - MAX_NAMED;
  if (more > 0) logger.warn('more schedules are not understood by this version and are set aside', { more });
}
