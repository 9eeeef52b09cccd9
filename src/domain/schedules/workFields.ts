/** What a schedule does, as a client writes it: action, policy and history, with their defaults. */
import { DEFAULT_POLICY, DEFAULT_RETRY, type Policy, type Retry } from './policy.ts';
import { choice, fields, numberIn } from '../shared/fields.ts';
import { type Action, actionFields, DEFAULT_ATTEMPTS } from '../actions/action.ts';
import { durationText } from '../timing/durationText.ts';

const HISTORY_RANGE = ['1m', '8760h'] as const;

export const workFields = {
  action: actionFields.default({ type: 'log' }),
  policy: fields('a policy', {
    catch_up: choice(['all', 'latest', 'none']).default('all'),
    catch_up_window: durationText('0s', '8760h').default('60s'),
    overlap: choice(['allow', 'skip', 'queue', 'replace']).default(DEFAULT_POLICY.overlap),
    timeout: durationText('100ms', '1h').default(DEFAULT_POLICY.timeout),
    retry: fields('a retry', {
      // Its default depends on the action: `withAttempts`.
      max_attempts: numberIn(1, 20, { whole: true }).exactOptional(),
      initial_backoff: durationText('0s', '8760h').default(DEFAULT_RETRY.initial_backoff),
      multiplier: numberIn(1, 100).default(DEFAULT_RETRY.multiplier),
      max_backoff: durationText('0s', '8760h').default(DEFAULT_RETRY.max_backoff),
    }).prefault({}),
    on_executor_loss: choice(['retry', 'abandon']).default('retry'),
    pause_after_failures: numberIn(1, 1000, { whole: true }).nullable().default(null),
  }).prefault({}),
  history: fields('a history', {
    success: durationText(...HISTORY_RANGE).default('24h'),
    failure: durationText(...HISTORY_RANGE).default('168h'),
  }).prefault({}),
};

interface Parsed {
  action: Action;
  policy: Omit<Policy, 'retry'> & { retry: Omit<Retry, 'max_attempts'> & { max_attempts?: number } };
}

/** Fills in how many attempts may fail. */
export function withAttempts<T extends Parsed>(parsed: T): T & { policy: Policy } {
  const { action, policy } = parsed;
  const retry = { max_attempts: DEFAULT_ATTEMPTS[action.type], ...policy.retry };
  return { ...parsed, policy: { ...policy, retry } };
}
