/** Definitions of schedules, as a client writes them, for simulations and tests. */
import { DEFAULT_POLICY } from '../src/domain/schedules/policy.ts';
import type { ScheduleSpec, Work } from '../src/domain/schedules/schedule.ts';

/** What a schedule does unless a client says otherwise: the API's defaults. */
export const DEFAULT_WORK: Work = {
  action: { type: 'log' },
  policy: DEFAULT_POLICY,
  history: { success: '24h', failure: '168h' },
};

/** Fires every `interval`: milliseconds, or a duration such as `1h`. */
export function everySpec(
  interval: number | string,
  more: Partial<Omit<ScheduleSpec, 'type' | 'definition'>> = {},
): ScheduleSpec {
  const text = typeof interval === 'number' ? `${interval}ms` : interval;
  return { type: 'duration', definition: { interval: text }, paused: false, ...DEFAULT_WORK, ...more };
}
