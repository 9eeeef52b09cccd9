/**
 * How far occurrences are settled, in epoch milliseconds. Two numbers, because a leader may have
 * claimed everything that it knows, and not know a schedule created a moment ago.
 */
export interface Mark {
  /**
   * Every occurrence at or before this is settled, of every timing written at or before
   * `mirroredThroughMs`.
   */
  claimedThroughMs: number;
  /** The leader's mirror was complete up to here. On the clock of `written_at`, which never goes back. */
  mirroredThroughMs: number;
}

/**
 * The mark of all schedules. Each one that the leader did not understand has its own mark: where
 * the watermark stood when the leader set it aside. The first leader that understands it resumes
 * there.
 */
export interface Watermark extends Mark {
  /** By schedule id. */
  setAside?: ReadonlyMap<string, Mark>;
}

/** Before anything was claimed. */
export const NO_MARK: Watermark = { claimedThroughMs: 0, mirroredThroughMs: 0 };

/** Schedules that a watermark can leave out (G9). With more, it does not move. */
export const MAX_SET_ASIDE = 1000;

/** How far one schedule is settled. */
export function markOf(
  { setAside, claimedThroughMs, mirroredThroughMs }: Watermark,
  scheduleId: string,
): Mark {
  return setAside?.get(scheduleId) ?? { claimedThroughMs, mirroredThroughMs };
}

/**
 * The later of two watermarks. A mark is valid only as a pair: mixing the numbers of two marks would count as
 * settled what neither does. So the present one stays unless neither number goes back.
 */
export function later(present: Watermark, next: Watermark): Watermark {
  const isLater = next.claimedThroughMs >= present.claimedThroughMs &&
    next.mirroredThroughMs >= present.mirroredThroughMs;
  return isLater ? next : present;
}

/**
 * The watermark shown to users: every occurrence at or before it is claimed or recorded, under any
 * definition.
 */
export function watermarkMs(mark: Watermark): number {
  return Math.min(mark.claimedThroughMs, mark.mirroredThroughMs);
}
