/**
 * The watermark that a claim writes. What is stale in the claim stays owed, and so the watermark stops before it. Values
 * alone: the store learns within the transaction which schedules are stale, and decides by this function.
 */
import { later, type Watermark } from '../leadership/lease.ts';

export interface ClaimMarks {
  /** As it stands. */
  present: Watermark;
  /** Once everything in the claim is settled; may be the present one. */
  settled: Watermark;
}

/** One schedule's part in a claim. */
export interface ClaimPart {
  scheduleId: string;
  /** When the schedule owes first, epoch ms: no watermark passes this while it is stale. */
  owedFromMs: number;
}

export function claimMark(
  { present, settled }: ClaimMarks,
  parts: readonly ClaimPart[],
  staleIds: Iterable<string>,
): Watermark {
  const stale = new Set(staleIds);
  const owedFromMs = parts.filter(({ scheduleId }) => stale.has(scheduleId)).map((part) => part.owedFromMs);
  const claimedThroughMs = Math.min(settled.claimedThroughMs, ...owedFromMs.map((ms) => ms - 1));
  return later(present, { ...settled, claimedThroughMs });
}
