/** The effect of a scenario on the clients' schedules, computed from the run records alone. Pure. */
import type { ApiRun } from './schedules.ts';

/** One scenario, on the server's clock. */
export interface Window {
  name: string;
  /** The term before it. */
  term: number;
  actedMs: number;
  endedMs: number;
  /** Other observations. */
  remark: string;
}

export interface Measured {
  name: string;
  /** New terms. */
  terms: number;
  /** From the disturbance to the first claim under a newer term; null when there was none. */
  takeoverMs: number | null;
  /** The longest time between two claims of the fastest schedule, and its begin, counted from the disturbance. */
  pauseMs: number;
  pausedAtMs: number;
  maxLatenessMs: number;
  runs: number;
  remark: string;
}

/** `fastest` is the id of the schedule whose claims measure the pauses. */
export function measure(window: Window, runs: readonly ApiRun[], fastest: string): Measured {
  const { name, term, actedMs, endedMs, remark } = window;
  const claims = runs.map((run) => ({ run, claimedMs: Date.parse(run.claimed_at) }))
    .filter(({ claimedMs }) => claimedMs >= actedMs && claimedMs <= endedMs)
    .toSorted((a, b) => a.claimedMs - b.claimedMs);
  const newer = claims.filter(({ run }) => run.term > term);
  const steady = claims.filter(({ run }) => run.schedule_id === fastest).map(({ claimedMs }) => claimedMs);
  const pauses = steady.map((atMs, i) => {
    const fromMs = steady[i - 1] ?? actedMs;
    return { pauseMs: atMs - fromMs, pausedAtMs: fromMs - actedMs };
  });
  const longest = pauses.toSorted((a, b) => b.pauseMs - a.pauseMs)[0] ?? { pauseMs: 0, pausedAtMs: 0 };
  return {
    name,
    terms: new Set(newer.map(({ run }) => run.term)).size,
    takeoverMs: newer[0] ? newer[0].claimedMs - actedMs : null,
    ...longest,
    maxLatenessMs: Math.max(...claims.map(({ run }) => run.lateness_ms), 0),
    runs: claims.length,
    remark,
  };
}

export const COLUMNS = [
  'scenario',
  'terms',
  'takeover',
  'longest pause',
  'began at',
  'max lateness (ms)',
  'runs',
  'remark',
];

export function row(
  { name, terms, takeoverMs, pauseMs, pausedAtMs, maxLatenessMs, runs, remark }: Measured,
): string[] {
  const ms = (value: number | null) => value === null ? '–' : value.toFixed(0);
  return [
    name,
    `${terms}`,
    ms(takeoverMs),
    ms(pauseMs),
    ms(pausedAtMs),
    ms(maxLatenessMs),
    `${runs}`,
    remark,
  ];
}
