/**
 * Classifies failures of the store and logs them. A failing store fails many times a second; each
 * kind gets one line a minute, which names one operation and counts the suppressed ones.
 */
import type { Clock, Logger } from '../../actors/shared/environment.ts';
import { StoreRefused, StoreUnavailable } from '../../actors/shared/storeErrors.ts';
import { LogThrottle } from '../log/logThrottle.ts';

/**
 * `unavailable`: unreachable, or temporarily unable; waiting helps. `refused`: the store rejected the
 * call; an operator has to act. `unexpected`: neither, so a bug.
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
    const suppressed = throttle.admit(reason ?? kind);
    if (suppressed === null) return;
    const fields = { operation, ...(reason !== null && { reason }), error, suppressed };
    switch (kind) {
      case 'unavailable':
        return logger.warn('the store does not answer; retrying', fields);
      case 'refused':
        return logger.error(
          'the store refuses calls: an operator has to repair it; retrying meanwhile',
          fields,
        );
      case 'unexpected':
        return logger.error('a store call failed with an unexpected error: this is a bug', fields);
    }
  };
}
