/** A schedule and two of its runs, for the tests of jobs. */
import { owned } from '../../support/runs.ts';
import { every } from '../../support/schedules.ts';

export const T = Date.UTC(2030, 0, 1);
export const S = every(100, T);
export const RUN = owned('s', T + 100);
export const LATER = owned('s', T + 200);
