/** The schedules that live through a whole storm: every rate, every catch-up policy, and every way of a run's life. */

import { SIGNING } from './receiver.ts';

export interface Steady {
  id: string;
  everyMs: number;
  cron?: string;
  jitter?: string;
  action?: Readonly<Record<string, unknown>>;
  policy?: Readonly<Record<string, unknown>>;
}

/** What runs may live through; the audit of lives (lives.ts) holds the schedules to it. */
export const MAX_ATTEMPTS = 4;
export const TIMED_OUT_ATTEMPTS = 2;
const RETRY = { max_attempts: MAX_ATTEMPTS, initial_backoff: '200ms', max_backoff: '2s' };

export const STEADY: readonly Steady[] = [
  { id: 'steady-20ms', everyMs: 20 },
  { id: 'steady-100ms', everyMs: 100 },
  { id: 'latest-300ms', everyMs: 300, policy: { catch_up: 'latest' } },
  { id: 'none-500ms', everyMs: 500, policy: { catch_up: 'none' } },
  { id: 'cron-1s', everyMs: 1000, cron: '* * * * * *' },
  { id: 'cron-2s', everyMs: 2000, cron: '*/2 * * * * *' },
  { id: 'jitter-500ms', everyMs: 500, jitter: '400ms' },
  { id: 'slow-1s', everyMs: 1000, action: { type: 'log', takes: '4s' } },
  { id: 'retry-300ms', everyMs: 300, action: { type: 'log', fails: 0.5 }, policy: { retry: RETRY } },
  {
    id: 'timeout-2s',
    everyMs: 2000,
    action: { type: 'log', takes: '1m' },
    policy: { timeout: '700ms', retry: { ...RETRY, max_attempts: TIMED_OUT_ATTEMPTS } },
  },
  { id: 'skip-500ms', everyMs: 500, action: { type: 'log', takes: '2s' }, policy: { overlap: 'skip' } },
  { id: 'queue-2s', everyMs: 2000, action: { type: 'log', takes: '300ms' }, policy: { overlap: 'queue' } },
  { id: 'replace-2s', everyMs: 2000, action: { type: 'log', takes: '3s' }, policy: { overlap: 'replace' } },
];

/** Schedules of which no two runs are under way at once. */
export const ONE_AT_A_TIME: readonly string[] = STEADY
  .filter(({ policy }) => policy?.overlap !== undefined).map(({ id }) => id);

/** Its runs are requests to the storm's receiver, at this URL. */
export function webhook(url: string): Steady {
  return {
    id: WEBHOOK_ID,
    everyMs: 250,
    action: { type: 'http', url, body: { run: '{{run.id}}' }, signing: { secrets: [SIGNING.name] } },
    policy: { retry: { ...RETRY, max_attempts: MAX_REQUESTS } },
  };
}

export const WEBHOOK_ID = 'webhook-250ms';
/** The receiver is busy more often than twice in a row. */
export const MAX_REQUESTS = 8;

/** Its runs are of the past: backfills ask for them. */
export const BACKFILLED: Steady = { id: 'backfilled-1h', everyMs: 3_600_000 };
/** Occurrences of each backfill. */
export const BACKFILL_SIZE = 20;

/** What to create it with. */
export function bodyOf({ id, everyMs, cron, jitter, action, policy }: Steady): object {
  return {
    id,
    ...(cron === undefined
      ? { type: 'duration', definition: { interval: `${everyMs}ms` } }
      : { type: 'cron', definition: { cron_expression: cron } }),
    ...(jitter !== undefined && { jitter }),
    ...(action && { action }),
    ...(policy && { policy }),
  };
}
