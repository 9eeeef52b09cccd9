/**
 * What failures of the store are, and how they are told to people. A store that fails does so many times a
 * second; of each kind there is one line a minute, which names one call and says how many others there were.
 */
import type { Clock, Logger } from '../../actors/shared/environment.ts';
import { StoreRefused, StoreUnavailable } from '../../actors/shared/storeErrors.ts';
import { LogThrottle } from '../log/logThrottle.ts';

/**
 * `unavailable`: it could not be reached, or could not do it just then; waiting helps. `refused`: it said no;
 * somebody has to see to it. `unexpected`: neither, so a mistake of ours.
 */
export const STORE_ERROR_KINDS = ['unavailable', 'refused', 'unexpected'] as const;
export type StoreErrorKind = (typeof STORE_ERROR_KINDS)[number];

const EVERY_MS = 60_000;

export function storeErrorKind(error: unknown): StoreErrorKind {
  if (error instanceof StoreRefused) return 'refused';
  return error instanceof StoreUnavailable ? 'unavailable' : 'unexpected';
}

/** Logs failures. Refusals are of a kind when the store gives the same reason. */
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
