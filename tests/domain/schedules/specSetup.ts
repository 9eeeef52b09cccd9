/** Requests for schedules, and what the parser makes of them. */

export const every = (more: Record<string, unknown> = {}) => ({
  type: 'duration',
  definition: { interval: '300ms' },
  ...more,
});

export const atTimes = (times: unknown) => ({ type: 'at_times', definition: { times } });
export const cron = (definition: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  type: 'cron',
  definition,
  ...more,
});
