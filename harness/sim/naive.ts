/**
 * The occurrences of a definition, found the plain way: apart from the product's own arithmetic, which this is
 * to judge.
 */
import type { BoundedRule } from '../../src/domain/timing/timing.ts';

/** Every how many seconds each of the cron expressions that simulations use fires, from the full minute on. */
export const CRON_STEPS: Readonly<Record<string, number>> = {
  '* * * * * *': 1,
  '*/2 * * * * *': 2,
  '*/5 * * * * *': 5,
  '*/15 * * * * *': 15,
  '* * * * *': 60,
};

/** The first occurrence strictly after a moment, epoch ms; null when there is none. */
export function occurrenceAfter(timing: BoundedRule, createdMs: number, afterMs: number): number | null {
  const earliestMs = Math.max(afterMs, (timing.start_at?.getTime() ?? 0) - 1);
  const foundMs = unbounded(timing, createdMs, earliestMs);
  return foundMs === null || (timing.end_at && foundMs > timing.end_at.getTime()) ? null : foundMs;
}

function unbounded(timing: BoundedRule, createdMs: number, afterMs: number): number | null {
  switch (timing.type) {
    case 'duration': {
      const everyMs = Number(/^(\d+)ms$/.exec(timing.definition.interval)?.[1]);
      return createdMs + everyMs * (Math.floor((afterMs - createdMs) / everyMs) + 1);
    }
    case 'at_times': {
      const later = Array.from(timing.definition.times, Number).filter((ms) => ms > afterMs);
      return later.length === 0 ? null : Math.min(...later);
    }
    case 'cron': {
      const step = CRON_STEPS[timing.definition.cron_expression] as number;
      let second = Math.floor(afterMs / 1000) + 1;
      while (second % 60 % step !== 0) second++;
      return second * 1000;
    }
  }
}
