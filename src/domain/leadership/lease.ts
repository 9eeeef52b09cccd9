/**
 * The lease: one document that says who leads, on the database server's clock (G6).
 *
 * A grant is the triple {holder, boot, term}; whoever acts under it has to name all three, so that neither a
 * replica of the same name nor an earlier life of the same process passes for it (G3).
 */
export interface Grant {
  holder: string;
  boot: string;
  term: number;
}

/** Who asks for the lease. */
export interface Candidate {
  holder: string;
  boot: string;
  /** Where this replica's HTTP API can be reached, for people and peers: `http://host:port`. */
  address: string;
}

/**
 * `acquired`: the lease was free. `pre-empted`: it was not, but its holder's process was seen to be gone.
 */
export type BeganBy = 'acquired' | 'pre-empted';
export type EndedBy = 'released' | 'expired' | 'fenced' | 'stepped down';
/** Given back by its holder: because it stopped, was asked to make way, or had let its term run out before the lease. */
export type ReleasedBy = Exclude<EndedBy, 'fenced'>;

/** A grant whose holder's process is gone, and when that was seen, on the server's clock. */
export interface DeadGrant extends Grant {
  diedAt: Date;
}

/**
 * How far the work is done, in epoch milliseconds. Two numbers, because a leader can have claimed everything
 * that it knows of and still not know of a schedule that was created a moment ago.
 */
export interface Mark {
  /**
   * Every occurrence at or before this, of every timing that was written at or before `mirroredThroughMs`, is
   * settled.
   */
  claimedThroughMs: number;
  /** The leader's mirror was complete up to here. On the clock of `written_at`, which never goes back. */
  mirroredThroughMs: number;
}

/**
 * The mark of all schedules. Those that its leader did not understand have a mark of their own: where the mark
 * stood when the leader set them aside. The first leader that understands one goes on from there.
 */
export interface Watermark extends Mark {
  /** By schedule id. */
  setAside?: ReadonlyMap<string, Mark>;
}

/** Schedules that a watermark can leave out (G9). With more of them it stays where it is. */
export const MAX_SET_ASIDE = 1000;

/** How far one schedule is settled. */
export function markOf(
  { setAside, claimedThroughMs, mirroredThroughMs }: Watermark,
  scheduleId: string,
): Mark {
  return setAside?.get(scheduleId) ?? { claimedThroughMs, mirroredThroughMs };
}

/**
 * The later of two marks. A mark is true as a pair only: taken number by number, two true ones would make a false
 * one, which counts as settled what neither does. So the present one stays unless neither number goes back.
 */
export function later(present: Watermark, next: Watermark): Watermark {
  const isLater = next.claimedThroughMs >= present.claimedThroughMs &&
    next.mirroredThroughMs >= present.mirroredThroughMs;
  return isLater ? next : present;
}

/**
 * What a user is told: all occurrences at or before it have been claimed or recorded, whatever their
 * definition.
 */
export function watermarkMs(mark: Watermark): number {
  return Math.min(mark.claimedThroughMs, mark.mirroredThroughMs);
}

export interface Lease {
  /** Null only before anybody ever led. */
  holder: string | null;
  boot: string | null;
  /** 0 before anybody ever led. */
  term: number;
  address: string | null;
  acquired_at: Date | null;
  /** How the present term began. */
  began_by: BeganBy | null;
  renewed_at: Date | null;
  /** The latest moment on the server's clock at which it was ever acquired or renewed. */
  latest_at: Date | null;
  /** The last time that the server's clock was found to have been set back, by more than a failover would. */
  set_back: SetBack | null;
  /** The lease is free from this moment on. A release sets it to the moment of the release. */
  expires_at: Date;
  /** Set by a release, absent while the term lasts or when it ran out. */
  released_at: Date | null;
  released_by: ReleasedBy | null;
  /** Boot of the follower that its last holder has left it to; null when it is anybody's, or held. */
  heir: string | null;
  /** When the holder before this one was seen to be gone, if it was pre-empted for that. */
  predecessor_died_at: Date | null;
  /** The last term whose leader was asked to step down: a command that is void once that term is over. */
  step_down_term: number | null;
  watermark: Watermark;
}

/** The lease changed hands, or was given back: then `leader` is null, and the rest is of who gave it. */
export interface LeaderChange {
  leader: string | null;
  boot: string;
  term: number;
  by: BeganBy | EndedBy;
  /** On the server's clock, as all times here. */
  at: Date;
}

/** The server's clock was set back, as a renewal of the lease has found. */
export interface SetBack {
  /** What it showed at the renewal before, or later. */
  from: Date;
  /** What it showed then. */
  to: Date;
}

/** The clocks of a store's members may differ by this much: a change of its primary is no set-back. */
export const CLOCK_TOLERANCE_MS = 1000;

/** How far the server's clock is behind what it has shown before, ms; 0 when it is not. */
export function clockBehindMs({ lease, serverNowMs }: LeaseReading): number {
  const behindMs = (lease.latest_at?.getTime() ?? -Infinity) - serverNowMs;
  return behindMs > CLOCK_TOLERANCE_MS ? behindMs : 0;
}

/** What it is before anybody ever led. */
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

/** A lease that was won, and what it was before. */
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
 * Whether nobody holds the lease at the moment of the reading. A released one is free whatever the server's clock says:
 * another server's may be behind.
 */
export function isFree({ lease, serverNowMs }: LeaseReading): boolean {
  return lease.released_at !== null || lease.expires_at.getTime() <= serverNowMs;
}

/**
 * How long the replica `boot` has to wait for the lease to be free, ms. One that was left to an heir is free for the
 * others `headStartMs` later: if all asked at once they would only be in each other's way. A courtesy, which no
 * guarantee hangs on: the store lets anybody have it. There is none on a server whose clock is behind the release.
 */
export function freeInMs({ lease, serverNowMs }: LeaseReading, boot: string, headStartMs: number): number {
  const { expires_at, released_at, heir } = lease;
  if (released_at === null) return Math.max(0, expires_at.getTime() - serverNowMs);
  const sinceMs = serverNowMs - released_at.getTime();
  const isLeftToAnother = heir !== null && heir !== boot && sinceMs >= 0;
  return isLeftToAnother ? Math.max(0, headStartMs - sinceMs) : 0;
}

/**
 * Whether the process `boot`, which knows of its terms up to `acknowledgedTerm`, holds the lease without knowing: the answer to
 * its acquisition was lost. It need not wait for the lease to run out; nobody else could have it any sooner.
 */
export function holdsUnacknowledgedTerm(lease: Lease, boot: string, acknowledgedTerm: number): boolean {
  return lease.boot === boot && lease.term > acknowledgedTerm;
}

/** A lease whose last renewal lies in the server's future, and since when it was seen like that; monotonic, ms. */
export interface Unrenewed {
  term: number;
  renewedAtMs: number;
  sinceMs: number;
}

/**
 * What is known of such a lease after another look; null when the lease is an ordinary one. Until it is renewed,
 * the server's clock says nothing about its end, and an observer has to count by its own.
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

/** Whether such a lease was not renewed for as long as it was to last. Its holder has stopped trusting in it by then. */
export function hasRunOut(before: Unrenewed | null, reading: LeaseReading, nowMs: number): boolean {
  const now = unrenewedSince(before, reading, nowMs);
  return now !== null && nowMs - now.sinceMs >= reading.lease.expires_at.getTime() - now.renewedAtMs;
}

/** Whether whoever leads has been asked to make way. */
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
  /** How often followers look and the leader renews. */
  retryMs: number;
  /**
   * How long before the end of the lease, counted from the start of its last renewal, a leader stops acting
   * by itself.
   */
  marginMs: number;
}

/** Every sentence that is wrong with the timing; none when it is sound. */
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
