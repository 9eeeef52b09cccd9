/**
 * The lease document when it has to be made: at the first start ever, and again when it was deleted. Then nothing
 * may be lost or doubled by what the document no longer says (docs/protocol.md, "What was deleted").
 */
import { CLOCK_TOLERANCE_MS, type Lease, NEVER_HELD, type Watermark } from './lease.ts';
import type { Run } from '../runs/run.ts';

/** What else the store still knows of earlier leaders. */
export interface Remains {
  /** The highest term that any record names; 0 when there is none. */
  newestTerm: number;
  /** The newest occurrence up to now that was claimed or recorded; null when there is none. */
  newestRun: Pick<Run, 'scheduled_for' | 'term'> | null;
  /**
   * The latest occurrence of all. It is later than now when the server's clock was set back. A record that was not due
   * when it was claimed was written by another program, and says nothing.
   */
  latestRun: Pick<Run, 'scheduled_for'> | null;
}

/** Whether a run can tell when its leader claimed: nothing is claimed earlier than the tolerance before it is due. */
export function wasDue({ scheduled_for, claimed_at }: Pick<Run, 'scheduled_for' | 'claimed_at'>): boolean {
  return scheduled_for.getTime() - claimed_at.getTime() <= CLOCK_TOLERANCE_MS;
}

/**
 * A leader settles what is due in its order, so that all before its newest run is settled; unless it was behind,
 * which it may have been by this much.
 */
const BEHIND_MS = 60_000;

/**
 * What is written from now on is told by its `written_at` to be newer than the mark. On MongoDB that is as good as whole
 * seconds when the clock is set back just now.
 */
const WRITTEN_BEFORE_MS = 2000;

/**
 * The lease to store. `known`: as this replica saw it last; null when it has seen none. `nowMs`: the server's time,
 * later than the deletion.
 */
export function lostLease(known: Lease | null, remains: Remains, nowMs: number): Lease {
  const newestTerm = Math.max(remains.newestTerm, remains.newestRun?.term ?? 0);
  if (known === null && newestTerm === 0) {
    const watermark = { claimedThroughMs: nowMs, mirroredThroughMs: nowMs - WRITTEN_BEFORE_MS };
    return { ...NEVER_HELD, watermark };
  }
  const now = new Date(nowMs);
  const isNewest = known !== null && known.holder !== null && known.term >= newestTerm;
  return {
    ...(isNewest ? known : { ...NEVER_HELD, term: Math.max(newestTerm, known?.term ?? 0) }),
    // Whoever held it has to ask for it again: no grant of before may come into force once more (G3).
    ...(isNewest && known.released_at === null &&
      { expires_at: now, released_at: now, released_by: 'expired' }),
    heir: null,
    step_down_term: null,
    // It may have been renewed until now: up to here the next leader looks up what is claimed already (G1).
    renewed_at: now,
    latest_at: new Date(Math.max(
      nowMs,
      known?.latest_at?.getTime() ?? nowMs,
      remains.latestRun?.scheduled_for.getTime() ?? nowMs,
    )),
    watermark: known?.watermark ?? both(settledMs(remains, nowMs)),
  };
}

/** Of what the watermark may have been: rather too little, since what is claimed already is found by its id. */
function settledMs({ newestRun }: Remains, nowMs: number): number {
  return Math.min(nowMs, newestRun?.scheduled_for.getTime() ?? nowMs) - BEHIND_MS;
}

function both(ms: number): Watermark {
  return { claimedThroughMs: ms, mirroredThroughMs: ms };
}
