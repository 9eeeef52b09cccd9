/**
 * How much later than its nominal time an occurrence's run becomes available, ms in [0, jitter): a hash of
 * schedule and time, so that every replica, and every try of a claim, comes to the same (FNV-1a, 32 bits).
 */
export function jitterMs(scheduleId: string, scheduledForMs: number, boundMs: number): number {
  if (boundMs <= 0) return 0;
  let hash = 0x811c9dc5;
  for (const char of `${scheduleId}@${scheduledForMs}`) {
    hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x01000193);
  }
  // FNV's last steps mix the low bits of consecutive times too little.
  hash = Math.imul(hash ^ hash >>> 16, 0x45d9f3b);
  hash = (hash ^ hash >>> 16) >>> 0;
  return Math.floor(hash / 2 ** 32 * boundMs);
}
