import type { SetBack } from './setBack.ts';
import type { Watermark } from './watermark.ts';

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

/** `acquired`: the lease was free. `pre-empted`: its holder's process was found dead. */
export type BeganBy = 'acquired' | 'pre-empted';
export type EndedBy = 'released' | 'expired' | 'fenced' | 'stepped down';
/**
 * Why its holder released it: it stopped, was asked to step down, or let its trust window end
 * before the lease.
 */
export type ReleasedBy = Exclude<EndedBy, 'fenced'>;

/** A grant whose holder's process is dead, and when that was detected, on the server's clock. */
export interface DeadGrant extends Grant {
  diedAt: Date;
}

export interface Lease {
  /** Null before the first term, or when unknown (leaseRecovery.ts). */
  holder: string | null;
  boot: string | null;
  /** 0 before the first term. */
  term: number;
  address: string | null;
  acquired_at: Date | null;
  /** How the current term began. */
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
  /** When the death of the previous holder's process was detected, if it was pre-empted. */
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

/** The same for a candidate: it may acquire again a lease that its own process holds. */
export function isFreeFor(reading: LeaseReading, { boot }: Pick<Candidate, 'boot'>): boolean {
  return isFree(reading) || reading.lease.boot === boot;
}

/**
 * How long the replica `boot` has to wait until the lease is free, ms. A lease left to an heir is
 * free for others `headStartMs` later, which avoids contention. No guarantee depends on it: the store
 * grants the lease to any candidate. Without effect while the server's clock is behind the release.
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
 * without knowing: the response to its acquisition was lost. It need not wait until the lease expires:
 * no other replica can acquire it before that.
 */
export function holdsUnacknowledgedTerm(lease: Lease, boot: string, acknowledgedTerm: number): boolean {
  return lease.boot === boot && lease.term > acknowledgedTerm;
}

/** Whether the leader was asked to step down. */
export function isToStepDown({ step_down_term, term }: Lease): boolean {
  return step_down_term === term;
}

/** Whether the lease document names exactly this grant. */
export function isHeldUnder(lease: Lease, { holder, boot, term }: Grant): boolean {
  return lease.holder === holder && lease.boot === boot && lease.term === term;
}

/**
 * Whether the grant is current: its holder may renew, claim and release under it. An expired grant is
 * current until another replica acquires the lease; a released one is not.
 */
export function isCurrent(lease: Lease, grant: Grant): boolean {
  return isHeldUnder(lease, grant) && lease.released_at === null;
}
