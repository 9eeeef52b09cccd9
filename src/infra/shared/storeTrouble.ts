/**
 * Classifies failures of the store and logs them. A failing store fails many times a second; each
 * kind gets one line a minute, which names one operation and counts the suppressed ones.
 */
import type { Clock, Logger } from '../../actors/shared/environment.ts';
import { StoreRefused, StoreUnavailable } from '../../actors/shared/storeErrors.ts';
import { LogThrottle } from '../log/logThrottle.ts';

/**
 * `unavailable`: unreachable, or unable just then; waiting helps. `refused`: the store said no; an
 * operator has to act. `unexpected`: neither, so a bug of ours.
 */
export const STORE_ERROR_KINDS = ['unavailable', 'refused', 'unexpected'] as const;
export type StoreErrorKind = (typeof STORE_ERROR_KINDS)[number];

const EVERY_MS = 60_000;

export function storeErrorKind(error: unknown): StoreErrorKind {
  if (error instanceof StoreRefused) return 'refused';
  return error instanceof StoreUnavailable ? 'unavailable' : 'unexpected';
}

/** Logs failures, throttled by kind; refusals, by the store's reason. */
export function storeTroubleLog(logger: Logger, clock: Clock): (operation: string, error: unknown) => void {
  const throttle = new LogThrottle(clock, EVERY_MS);
  return (operation, error) => {
    const kind = storeErrorKind(error);
    const reason = error instanceof StoreRefused ? error.reason : null;
    const untold = throttle.turn(reason ?? kind);
    if (untold === null) return;
    const fields = { operation, ...(reason !== null && { reason }), error, untold };
    switch (kind) {
      case 'unavailable':
        return logger.warn('the store does not answer; trying on', fields);
      case 'refused':
        return logger.error(
          'the store refuses calls: somebody has to see to it; trying on meanwhile',
          fields,
        );
      case 'unexpected':
        return logger.error('a call of the store failed as none should: this is a bug', fields);
    }
  };
}
