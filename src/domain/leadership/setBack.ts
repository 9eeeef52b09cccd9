/**
 * What a set-back of the server's clock means for the lease (G6): it was renewed in what is now the
 * future, so that clock alone would keep it from every other replica until the former time is reached.
 */
import type { LeaseReading } from './lease.ts';

/** A set-back of the server's clock, detected by acquiring or renewing the lease. */
export interface SetBack {
  /** What it showed at the previous renewal, or later. */
  from: Date;
  /** What it showed then. */
  to: Date;
}

/** The clocks of a store's members may differ by this much: a change of primary is no set-back. */
export const CLOCK_TOLERANCE_MS = 1000;

/** How far the server's clock is behind what it showed before, ms; 0 within the tolerance. */
export function clockBehindMs({ lease, serverNowMs }: LeaseReading): number {
  const behindMs = (lease.latest_at?.getTime() ?? -Infinity) - serverNowMs;
  return behindMs > CLOCK_TOLERANCE_MS ? behindMs : 0;
}

/** A lease whose last renewal lies in the server's future, first read so at `sinceMs`; monotonic, ms. */
export interface Unrenewed {
  term: number;
  renewedAtMs: number;
  sinceMs: number;
}

/**
 * The state of such a lease after another reading; null for an ordinary lease. Until the next
 * renewal the server's clock cannot tell when it expires, so observers count on their monotonic
 * clock.
 */
export function unrenewedSince(
  before: Unrenewed | null,
  { lease: { term, renewed_at }, serverNowMs }: LeaseReading,
  nowMs: number,
): Unrenewed | null {
  const renewedAtMs = renewed_at?.getTime() ?? -Infinity;
  if (renewedAtMs <= serverNowMs + CLOCK_TOLERANCE_MS) return null;
  const isSame = before?.term === term && before.renewedAtMs === renewedAtMs;
  return { term, renewedAtMs, sinceMs: isSame ? before.sinceMs : nowMs };
}

/** Whether such a lease went unrenewed for its full duration: its holder's trust window is over by then. */
export function hasRunOut(before: Unrenewed | null, reading: LeaseReading, nowMs: number): boolean {
  const now = unrenewedSince(before, reading, nowMs);
  return now !== null && nowMs - now.sinceMs >= reading.lease.expires_at.getTime() - now.renewedAtMs;
}
