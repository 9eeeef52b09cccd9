import type { LeaseHint, LeaseStore } from '../../../actors/leadership/leaseStore.ts';
import {
  type Acquisition,
  type BeganBy,
  type Candidate,
  type DeadGrant,
  type Grant,
  isCurrent,
  isFree,
  isFreeFor,
  isHeldUnder,
  type Lease,
} from '../../../domain/leadership/lease.ts';
import { CLOCK_TOLERANCE_MS } from '../../../domain/leadership/setBack.ts';
import { later, type Watermark } from '../../../domain/leadership/watermark.ts';
import type { Connection } from '../shared/connection.ts';
import type { Database } from '../shared/database.ts';

const REOPEN_AFTER_MS = 100;

export function memoryLease(connection: Connection): LeaseStore {
  const { db } = connection;
  return {
    read: () => connection.call('lease.read', () => ({ lease: db.preparedLease(), serverNowMs: db.nowMs() })),

    acquire: (candidate, durationMs, instead, aboveTerm = 0) =>
      connection.call('lease.acquire', () => acquire(db, candidate, durationMs, instead, aboveTerm)),

    renew: (grant, durationMs, mark) =>
      connection.call('lease.renew', () => renewed(db, grant, durationMs, mark)),

    release: (grant, by, heir = null) =>
      connection.call('lease.release', () => {
        const lease = leaseUnder(db, grant);
        if (!lease) return false;
        const now = db.now();
        db.lease = { ...lease, expires_at: now, released_at: now, released_by: by, heir };
        const { boot, term } = grant;
        db.events.append({ type: 'leader', leader: null, boot, term, by, at: now });
        if (heir === null) hintTo(db, 'changed');
        else hintTo(db, 'left', (other) => other === heir);
        return true;
      }),

    askToStepDown: (term) =>
      connection.call('lease.askToStepDown', () => {
        const { lease } = db;
        if (lease === null) return false;
        const holds = lease.term === term && !isFree({ lease, serverNowMs: db.nowMs() });
        if (holds) db.lease = { ...lease, step_down_term: term };
        if (holds) hintTo(db, 'changed');
        return holds;
      }),

    watch: (boot, onHint, onError) => watch(connection, boot, onHint, onError),
  };
}

function acquire(
  db: Database,
  candidate: Candidate,
  durationMs: number,
  instead: DeadGrant | null,
  aboveTerm: number,
): Acquisition | null {
  const lease = db.preparedLease();
  const free = isFreeFor({ lease, serverNowMs: db.nowMs() }, candidate);
  if (!free && !(instead && isHeldUnder(lease, instead))) return null;
  const { holder, boot, address } = candidate;
  const now = db.now();
  const expires_at = new Date(now.getTime() + durationMs);
  const term = Math.max(lease.term, aboveTerm) + 1;
  db.lease = {
    ...lease,
    holder,
    boot,
    address,
    term,
    acquired_at: now,
    began_by: free ? 'acquired' : 'pre-empted',
    predecessor_died_at: free ? null : clamped((instead as DeadGrant).diedAt, lease.acquired_at, now),
    ...clockFields(lease, now),
    expires_at,
    released_at: null,
    released_by: null,
    heir: null,
  };
  const { began_by: by } = db.lease;
  db.events.append({ type: 'leader', leader: holder, boot, term, by: by as BeganBy, at: now });
  hintTo(db, 'taken', (other) => other !== boot);
  return { lease: db.lease, previous: lease };
}

/**
 * Renews the lease under the grant and moves the watermark, which only grows; null when the grant
 * is over.
 */
export function renewed(db: Database, grant: Grant, durationMs: number, mark: Watermark): Lease | null {
  const lease = leaseUnder(db, grant);
  if (!lease) return null;
  const now = db.now();
  const watermark = later(lease.watermark, mark);
  const clock = clockFields(lease, now);
  db.lease = { ...lease, ...clock, expires_at: new Date(now.getTime() + durationMs), watermark };
  if (clock.set_back !== null && clock.set_back !== db.reportedSetBack) {
    db.reportedSetBack = clock.set_back;
    db.events.append({ type: 'clock', set_back: clock.set_back });
  }
  return db.lease;
}

/** The server's clock, as an acquisition or a renewal records it. */
function clockFields({ renewed_at, latest_at, set_back }: Lease, now: Date) {
  const isSetBack = renewed_at !== null && now.getTime() < renewed_at.getTime() - CLOCK_TOLERANCE_MS;
  return {
    renewed_at: now,
    latest_at: latest_at !== null && latest_at > now ? latest_at : now,
    set_back: isSetBack ? { from: renewed_at, to: now } : set_back,
  };
}

/** The lease if the grant is current. */
export function leaseUnder(db: Database, grant: Grant): Lease | null {
  const { lease } = db;
  return lease !== null && isCurrent(lease, grant) ? lease : null;
}

/** Sends `hint` to every watcher to whose boot it applies. */
function hintTo(db: Database, hint: LeaseHint, appliesTo: (boot: string) => boolean = () => true): void {
  for (const [tell, boot] of [...db.leaseWatchers]) if (appliesTo(boot)) tell(hint);
}

/** Clamped to the predecessor's term: the replica's estimate of the server's clock may be off. */
function clamped(diedAt: Date, acquiredAt: Date | null, now: Date): Date {
  const atMs = Math.min(Math.max(diedAt.getTime(), acquiredAt?.getTime() ?? 0), now.getTime());
  return new Date(atMs);
}

function watch(
  connection: Connection,
  boot: string,
  onHint: (hint: LeaseHint) => void,
  onError: (error: Error) => void,
): () => void {
  const { db } = connection;
  let ended = false;
  let timer: unknown;
  const tell = (...hints: LeaseHint[]) => {
    void connection.call('lease.watch', () => undefined).then(
      () => hints.forEach((hint) => ended || onHint(hint)),
      (error: Error) => {
        if (ended) return;
        onError(error);
        db.clock.clearTimeout(timer);
        timer = db.clock.setTimeout(tellBoth, REOPEN_AFTER_MS);
      },
    );
  };
  const tellBoth = () => tell('changed', 'run available', 'run cancelled');
  const end = () => {
    ended = true;
    db.leaseWatchers.delete(tell);
    db.clock.clearTimeout(timer);
    forget();
  };
  const forget = connection.onClose(end);
  db.leaseWatchers.set(tell, boot);
  // The watch does not deliver changes from before it began.
  tellBoth();
  return end;
}
