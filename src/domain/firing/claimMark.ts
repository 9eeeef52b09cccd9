/**
 * The watermark that a claim writes. A stale schedule stays owed, so the watermark stops before it. Which schedules
 * are stale is known only within the store's transaction, hence a function of values.
 */
import { later, type Watermark } from '../leadership/watermark.ts';

export interface ClaimMarks {
  /** The current one. */
  present: Watermark;
  /** Once everything in the claim is settled. */
  settled: Watermark;
}

/** One schedule's part in a claim. */
export interface ClaimPart {
  scheduleId: string;
  /** First due time in the claim, epoch ms: the watermark stops before it if the schedule is stale. */
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
