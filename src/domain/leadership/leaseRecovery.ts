/**
 * The lease document to create at the very first start, and again after its deletion. Although the
 * deleted document is lost, no occurrence may be lost or claimed twice (docs/protocol.md, "Deleted
 * documents").
 */
import { type Lease, NEVER_HELD } from './lease.ts';
import { CLOCK_TOLERANCE_MS } from './setBack.ts';
import type { Watermark } from './watermark.ts';
import type { Run } from '../runs/run.ts';

/** What terms and runs in the store show about earlier leaders. */
export interface SurvivingRecords {
  /** The highest term that any record names; 0 when there is none. */
  newestTerm: number;
  /** The newest occurrence up to now that was claimed or recorded; null when there is none. */
  newestRun: Pick<Run, 'scheduled_for' | 'term'> | null;
  /**
   * The latest occurrence of all; later than now after the server's clock was set back. Excludes
   * records claimed before they were due: another program wrote them.
   */
  latestRun: Pick<Run, 'scheduled_for'> | null;
}

/** Whether a leader wrote the run: no claim is earlier than the tolerance before the due time. */
export function wasDue({ scheduled_for, claimed_at }: Pick<Run, 'scheduled_for' | 'claimed_at'>): boolean {
  return scheduled_for.getTime() - claimed_at.getTime() <= CLOCK_TOLERANCE_MS;
}

/**
 * A leader settles in due order, so everything before its newest run is settled, unless it had a
 * backlog. The backlog may reach back this far.
 */
const BEHIND_MS = 60_000;

/**
 * Later writes must be newer than the mark by their `written_at`. On MongoDB that is only precise
 * to whole seconds right after the clock was set back.
 */
const WRITTEN_BEFORE_MS = 2000;

/**
 * The lease to store. `known`: its state when this replica last read it, or null. `nowMs`: the server's
 * time, later than the deletion.
 */
export function recoveredLease(known: Lease | null, records: SurvivingRecords, nowMs: number): Lease {
  const newestTerm = Math.max(records.newestTerm, records.newestRun?.term ?? 0);
  if (known === null && newestTerm === 0) {
    const watermark = { claimedThroughMs: nowMs, mirroredThroughMs: nowMs - WRITTEN_BEFORE_MS };
    return { ...NEVER_HELD, watermark };
  }
  const now = new Date(nowMs);
  const isNewest = known !== null && known.holder !== null && known.term >= newestTerm;
  return {
    ...(isNewest ? known : { ...NEVER_HELD, term: Math.max(newestTerm, known?.term ?? 0) }),
    // Its last holder must acquire it again: no earlier grant may come back into force (G3).
    ...(isNewest && known.released_at === null &&
      { expires_at: now, released_at: now, released_by: 'expired' }),
    heir: null,
    step_down_term: null,
    // Renewals may have gone on until now: through here the next leader looks up existing claims (G1).
    renewed_at: now,
    latest_at: new Date(Math.max(
      nowMs,
      known?.latest_at?.getTime() ?? nowMs,
      records.latestRun?.scheduled_for.getTime() ?? nowMs,
    )),
    watermark: known?.watermark ?? atBoth(settledMs(records, nowMs)),
  };
}

/** A low estimate of the lost watermark. Too low is safe: existing claims are found by run id. */
function settledMs({ newestRun }: SurvivingRecords, nowMs: number): number {
  return Math.min(nowMs, newestRun?.scheduled_for.getTime() ?? nowMs) - BEHIND_MS;
}

function atBoth(ms: number): Watermark {
  return { claimedThroughMs: ms, mirroredThroughMs: ms };
}
