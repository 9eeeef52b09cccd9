import type { Obstacle } from '../../src/infra/memory/shared/connection.ts';
import type { Weather } from './link.ts';

/** The machine that a replica runs on. A new process on it has the same name, clocks and link as the last one. */
export interface Host {
  id: string;
  /** Wall clock less true time, ms. */
  skewMs: number;
  /** Milliseconds of the monotonic clock per millisecond of true time. */
  rate: number;
  monotonicStartMs: number;
  /** Total time of past suspensions, and the start of the present one; true time. */
  sleptMs: number;
  asleepSinceMs: number | null;
  weather: Weather;
  boots: number;
  /** For runs. */
  places: number;
  standbyExecutes: boolean;
  /** Version of the product that its next process runs. */
  version: number;
}

export const NEWEST_VERSION = 2;

/** The tag of schedules that version 1 does not understand. */
export const NEEDS_NEWEST = { needs: '2' };

/** What a version does not understand, and why. */
export function unknownTo(version: number): Obstacle {
  return ({ tags }) =>
    version < NEWEST_VERSION && tags?.needs === NEEDS_NEWEST.needs ? 'it is of a newer version' : null;
}
