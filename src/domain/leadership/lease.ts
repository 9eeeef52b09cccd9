/**
 * The lease: one document that names the leader, on the database server's clock (G6).
 *
 * A grant is the triple {holder, boot, term}. Every act under it names all three, so that neither a
 * replica of the same name nor an earlier boot of it passes for the holder (G3).
 */
export interface Grant {
  holder: string;
  boot: string;
  term: number;
}

/** A replica that requests the lease. */
export interface Candidate {
  holder: string;
  boot: string;
  /** Base URL of this replica's HTTP API, for people and peers: `http://host:port`. */
  address: string;
}

/** `acquired`: the lease was free. `pre-empted`: it was held by a process that was seen to be gone. */
export type BeganBy = 'acquired' | 'pre-empted';
export type EndedBy = 'released' | 'expired' | 'fenced' | 'stepped down';
/**
 * Why its holder released it: it stopped, was asked to step down, or let its trust window end
 * before the lease.
 */
export type ReleasedBy = Exclude<EndedBy, 'fenced'>;

/** A grant whose holder's process is gone, and when that was seen, on the server's clock. */
export interface DeadGrant extends Grant {
  diedAt: Date;
}

/**
 * How far occurrences are settled, in epoch milliseconds. Two numbers, because a leader can have
 * claimed everything it knows of and still not know a schedule created a moment ago.
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
 * The later of two watermarks. A mark is true only as a pair: mixing the numbers of two true marks
 * would count as settled what neither does. So the present one stays unless neither number goes
 * back.
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

export interface Lease {
  /** Null before the first term, or when unknown (lostLease.ts). */
  holder: string | null;
  boot: string | null;
  /** 0 before the first term. */
  term: number;
  address: string | null;
  acquired_at: Date | null;
  /** How the present term began. */
  began_by: BeganBy | null;
  renewed_at: Date | null;
  /** The latest server time at which the lease was ever acquired or renewed. */
  latest_at: Date | null;
  /** The last set-back found of the server's clock, if larger than a failover would cause. */
  set_back: SetBack | null;
  /** The lease is free from this moment on. A release sets it to the moment of the release. */
  expires_at: Date;
  /** Set by a release; null while the term lasts, or after the lease expired. */
  released_at: Date | null;
  released_by: ReleasedBy | null;
  /** Boot of the follower to which the last holder left the lease; null without an heir, or while held. */
  heir: string | null;
  /** When the previous holder's process was seen to be gone, if it was pre-empted. */
  predecessor_died_at: Date | null;
  /** The last term whose leader was asked to step down; void once that term is over. */
  step_down_term: number | null;
  watermark: Watermark;
}

/** The lease was acquired or released. On release `leader` is null; the rest is of the last holder. */
export interface LeaderChange {
  leader: string | null;
  boot: string;
  term: number;
  by: BeganBy | EndedBy;
  /** On the server's clock, as all times here. */
  at: Date;
}

/** A set-back of the server's clock, found by acquiring or renewing the lease. */
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

/** The lease before the first term. */
export const NEVER_HELD: Readonly<Omit<Lease, 'watermark'>> = {
  holder: null,
  boot: null,
  term: 0,
  address: null,
  acquired_at: null,
  began_by: null,
  renewed_at: null,
  latest_at: null,
  set_back: null,
  expires_at: new Date(0),
  released_at: null,
  released_by: null,
  heir: null,
  predecessor_died_at: null,
  step_down_term: null,
};

/** An acquired lease, and its previous state. */
export interface Acquisition {
  lease: Lease;
  previous: Lease;
}

/** The lease as the server saw it, and the server's clock at that moment. */
export interface LeaseReading {
  lease: Lease;
  /** Server time of the reading, epoch milliseconds. */
  serverNowMs: number;
}

/**
 * Whether the lease is free at the moment of the reading. A released lease is, whatever the
 * server's clock shows: another server's clock may be behind.
 */
export function isFree({ lease, serverNowMs }: LeaseReading): boolean {
  return lease.released_at !== null || lease.expires_at.getTime() <= serverNowMs;
}

/**
 * How long the replica `boot` has to wait until the lease is free, ms. A lease left to an heir is
 * free for others `headStartMs` later, which avoids contention. A courtesy, on which no guarantee
 * rests: the store grants the lease to any candidate. Without effect while the server's clock is
 * behind the release.
 */
export function freeInMs({ lease, serverNowMs }: LeaseReading, boot: string, headStartMs: number): number {
  const { expires_at, released_at, heir } = lease;
  if (released_at === null) return Math.max(0, expires_at.getTime() - serverNowMs);
  const sinceMs = serverNowMs - released_at.getTime();
  const isLeftToAnother = heir !== null && heir !== boot && sinceMs >= 0;
  return isLeftToAnother ? Math.max(0, headStartMs - sinceMs) : 0;
}

/**
 * Whether the process `boot`, which knows its terms up to `acknowledgedTerm`, holds the lease
 * without knowing: the response to its acquisition was lost. It need not wait for the lease to
 * expire; no other replica could acquire it sooner.
 */
export function holdsUnacknowledgedTerm(lease: Lease, boot: string, acknowledgedTerm: number): boolean {
  return lease.boot === boot && lease.term > acknowledgedTerm;
}

/** A lease whose last renewal lies in the server's future, first seen so at `sinceMs`; monotonic, ms. */
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

/**
 * Whether such a lease went unrenewed for its full duration. By then its holder's trust window is
 * over.
 */
export function hasRunOut(before: Unrenewed | null, reading: LeaseReading, nowMs: number): boolean {
  const now = unrenewedSince(before, reading, nowMs);
  return now !== null && nowMs - now.sinceMs >= reading.lease.expires_at.getTime() - now.renewedAtMs;
}

/** Whether the leader was asked to step down. */
export function isToStepDown({ step_down_term, term }: Lease): boolean {
  return step_down_term === term;
}

/** Whether the lease document names exactly this grant. */
export function isHeldUnder(lease: Lease, { holder, boot, term }: Grant): boolean {
  return lease.holder === holder && lease.boot === boot && lease.term === term;
}

export interface LeaseTiming {
  /** How long the lease lasts without a renewal. */
  durationMs: number;
  /** Period of followers' reads and of the leader's renewals. */
  retryMs: number;
  /**
   * How long before the lease expires, counted from the start of its last renewal, a leader stops
   * acting on its own.
   */
  marginMs: number;
}

/** One sentence per problem of the timing; empty when it is valid. */
export function leaseTimingProblems({ durationMs, retryMs, marginMs }: LeaseTiming): string[] {
  const problems: string[] = [];
  if (durationMs < 500) problems.push(`the lease duration is ${durationMs}ms; it must be at least 500ms`);
  if (retryMs < 20) problems.push(`the lease retry period is ${retryMs}ms; it must be at least 20ms`);
  if (marginMs < 50) problems.push(`the lease margin is ${marginMs}ms; it must be at least 50ms`);
  if (marginMs * 2 > durationMs) {
    problems.push(
      `the lease margin (${marginMs}ms) must be at most half of the lease duration (${durationMs}ms)`,
    );
  }
  if (retryMs * 3 > durationMs - marginMs) {
    problems.push(
      `the lease retry period (${retryMs}ms) must fit three times into the duration less the margin ` +
        `(${durationMs - marginMs}ms), so that two renewals may fail`,
    );
  }
  return problems;
}
