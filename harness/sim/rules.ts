import { parseDuration } from '../../src/domain/timing/duration.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import type { Segment } from './ledger.ts';

/** More than this owed at once by one schedule, and the rest is missed. */
const CATCH_UP_LIMIT = 1000;

/** An ordinary takeover, and a claim, cost no run. */
const CLAIM_WITHIN_MS = 1000;

/** Whether a run was rightly claimed, or rightly not run. Says what is wrong, null when nothing is. */
export function checkRules(
  run: Run,
  segment: Segment | undefined,
  { earliestMs, latestMs }: { earliestMs: number; latestMs: number },
  leaseMs: number,
): string | null {
  if (segment === undefined) return 'the schedule is gone';
  if (run.reason === 'superseded') return run.state === 'skipped' ? null : `superseded, and ${run.state}`;
  const atMs = run.scheduled_for.getTime();
  const decidedMs = run.claimed_at.getTime();
  const graceMs = leaseMs + CLAIM_WITHIN_MS;
  const windowMs = Math.max(parseDuration(segment.policy.catch_up_window), graceMs);
  // A leader may go by any beginning of its term between these; what it does has to be right by one of them.
  const [givenUpThroughMs, keptFromMs] = [earliestMs - graceMs, latestMs - graceMs];
  switch (run.reason) {
    case 'replaced':
    case null:
      if (run.state !== 'claimed') return `${run.state} for no reason`;
      if (atMs < decidedMs - windowMs) return 'it is older than the catch-up window';
      if (segment.policy.catch_up !== 'all' && atMs <= givenUpThroughMs) {
        const newest = segment.after(atMs) > givenUpThroughMs;
        if (segment.policy.catch_up === 'none' || !newest) return 'the catch-up policy gives it up';
      }
      if (atMs > earliestMs && atMs <= latestMs) return null;
      return (run.trigger === 'catch_up') === (atMs <= earliestMs) ? null : `its trigger is ${run.trigger}`;
    case 'overlap':
      return segment.policy.overlap === 'allow' ? 'runs may overlap' : null;
    case 'catch_up_window':
      return atMs < decidedMs - windowMs ? null : 'it is within the catch-up window';
    case 'catch_up_policy':
      if (segment.policy.catch_up === 'all' || atMs > keptFromMs) return 'the catch-up policy keeps it';
      if (segment.policy.catch_up === 'none') return null;
      return segment.after(atMs) <= keptFromMs ? null : 'it is the latest';
    case 'executor_lost':
    case 'schedule_gone':
    case 'requested':
    case 'schedule_deleted':
      return `nothing is claimed as ${run.reason}`;
    case 'catch_up_limit': {
      let newer = 0;
      for (let nextMs = segment.after(atMs); nextMs <= decidedMs && newer < CATCH_UP_LIMIT; newer++) {
        nextMs = segment.after(nextMs);
      }
      return newer === CATCH_UP_LIMIT ? null : `only ${newer} are newer`;
    }
  }
}
