/**
 * What becomes of an occurrence that falls due while runs of its schedule are open. Decided within the
 * transaction that stores the run, from the open runs as stored then: so it is exact, even while the
 * leadership moves or several replicas execute. Runs with `overlap` null neither count nor wait.
 */
import { cancelled, ended, isCancelRequested, type RunChange, unsuccessfulEnd } from './life.ts';
import { unowned } from './outcome.ts';
import type { Run } from './run.ts';

/** Runs of one schedule that wait for their turn, at most (G9). */
export const MAX_QUEUED = 100;
/** A run that replaces another one starts after this, ms, whether the other has ended by then or not. */
export const REPLACED_WITHIN_MS = 10_000;

export interface Overlapping {
  /** The run as it is to be stored: as it was, waiting for its turn, or skipped. */
  run: Run;
  /** What becomes of open runs. */
  changes: RunChange[];
}

/** `open`: those that count. `at`: server time. */
export function overlapping(run: Run, open: readonly Run[], at: Date): Overlapping {
  if (run.overlap === null || open.length === 0) return { run, changes: [] };
  switch (run.overlap) {
    case 'skip':
      return { run: skipped(run, at), changes: [] };
    case 'queue': {
      const isFull = open.filter(isWaitingForTurn).length >= MAX_QUEUED;
      return { run: isFull ? skipped(run, at) : waitingForTurn(run), changes: [] };
    }
    case 'replace': {
      const changes = open.flatMap((other) => replaced(other, at));
      const isFree = open.every((other) => other.waiting_for !== null);
      return { run: isFree ? run : waitingForTurn(run), changes };
    }
  }
}

/** Gives the turn to the oldest run that waits for it, if it can have it. */
export function nextTurn(open: readonly Run[], at: Date): RunChange[] {
  const [next] = open.filter(isWaitingForTurn).sort((a, b) =>
    a.scheduled_for.getTime() - b.scheduled_for.getTime()
  );
  if (next === undefined) return [];
  const others = open.filter((run) => !isWaitingForTurn(run));
  const turn: RunChange = { run: next, set: unowned('claimed', 'place') };
  if (others.length === 0) return [turn];
  const waitedMs = at.getTime() - next.claimed_at.getTime();
  if (next.overlap !== 'replace' || waitedMs < REPLACED_WITHIN_MS) return [];
  return [...others.map((run) => ended(run, 'replaced', at)), turn];
}

export function isWaitingForTurn({ waiting_for }: Pick<Run, 'waiting_for'>): boolean {
  return waiting_for === 'overlap';
}

function replaced(run: Run, at: Date): RunChange[] {
  // What has not begun is skipped, what has is cancelled.
  if (run.waiting_for !== null && run.attempt === 0) return [{ run, set: skip(run, at) }];
  return isCancelRequested(run) ? [] : [cancelled(run, 'replaced', at)];
}

function waitingForTurn(run: Run): Run {
  return { ...run, ...unowned('claimed', 'overlap'), attempt: 0 };
}

function skipped(run: Run, at: Date): Run {
  return { ...run, ...skip(run, at), attempt: 0, work: null };
}

function skip(run: Run, at: Date) {
  return {
    state: 'skipped' as const,
    reason: 'overlap' as const,
    waiting_for: null,
    ...unsuccessfulEnd(run, at),
  };
}
