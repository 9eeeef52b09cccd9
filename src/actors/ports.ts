/**
 * The ports: what the machines need from the world, in their own words. Adapters are in `src/infra`, and
 * `src/main.ts` plugs them in. Every store port has two adapters, MongoDB and memory, which pass one
 * conformance suite (tests/store).
 *
 * Errors: a call that could not be answered rejects with `StoreUnavailable`, one that the store would not carry
 * out with `StoreRefused`; either may or may not have taken effect, and each method says what that means.
 * Everything else that a store can say is a value, not an exception.
 */
import type { Adopted, Adopter, Adoption } from '../domain/adoption.ts';
import type {
  Acquisition,
  Candidate,
  DeadGrant,
  Grant,
  Lease,
  LeaseReading,
  ReleasedBy,
  Watermark,
} from '../domain/lease.ts';
import type { EndedTerm, Term } from '../domain/leadership.ts';
import type { ClusterEvent } from '../domain/event.ts';
import type { ListedSchedule } from '../domain/listing.ts';
import type { Announcement, Replica } from '../domain/replica.ts';
import type { Outcome, Run, RunState, RunSummary } from '../domain/run.ts';
import type { NotUnderstood, Schedule, ScheduleSpec } from '../domain/schedule.ts';

/** The only source of time. */
export interface Clock {
  /** Wall clock of this machine, epoch milliseconds: for log lines only, it may jump. */
  now(): number;
  /**
   * Milliseconds that only ever grow, from an arbitrary start. Goes on while the process is frozen, and counts the time
   * for which the machine is suspended.
   */
  monotonic(): number;
  /**
   * Any delay is fine, also one over 2^31−1 ms. A timer stands still while the machine is suspended: what must not
   * happen too late is to be asked of `monotonic`.
   */
  setTimeout(fn: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** The only source of chance. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  uuid(): string;
}

export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** The store could not be reached, or did not answer in time: the call may or may not have taken effect. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}

/**
 * The store was reached and said no: its disk is full, a right is missing, a validator objects. Who calls does as
 * when there is no answer (of several writes some may have been made), and tries again; but somebody has to see
 * to the store before it helps.
 */
export class StoreRefused extends StoreUnavailable {
  override name = 'StoreRefused';
  /** The store's own name for it, of a closed set: `OutOfDiskSpace`. */
  readonly reason: string;

  constructor(message: string, reason: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * The store has done nothing about a change, on purpose: it can't take it now. Nothing is wrong with it; `message` is a
 * sentence for the client, who may try again.
 */
export class ChangeDeclined extends Error {
  override name = 'ChangeDeclined';
}

/** What the store holds, this version does not understand: somebody has to see to it. */
export class NotUnderstoodError extends StoreRefused {
  override name = 'NotUnderstoodError';

  constructor(message: string) {
    super(message, 'NotUnderstood');
  }
}

/** The lease document is not there: the store was never prepared, or the document was deleted. */
export class LeaseMissing extends StoreUnavailable {
  override name = 'LeaseMissing';

  constructor() {
    super('the store has no lease document: it was deleted, or the store was never prepared');
  }
}

export interface LeaseStore {
  /** Rejects with `LeaseMissing` when `Store.prepare` would help. */
  read(): Promise<LeaseReading>;
  /**
   * One compare-and-set: takes the lease if it is free by the server's clock, or if `candidate.boot` itself
   * holds it (an earlier acquisition whose answer was lost), or if it is held under exactly the grant
   * `instead`, whose holder is known to be dead. The new term is one more than the last, and than `aboveTerm`, which
   * the candidate knows of: a lease that was deleted may begin anew with less. Null when somebody else holds it, or has taken
   * it since it was read. Before it tries, it ends whatever transaction the last holder may have left open, which
   * would block it otherwise.
   * After `StoreUnavailable` it may have been taken: the next `acquire` of the same boot finds out.
   */
  acquire(
    candidate: Candidate,
    durationMs: number,
    instead: DeadGrant | null,
    aboveTerm?: number,
  ): Promise<Acquisition | null>;
  /** Null when the grant is no longer the one in force. Marks only grow. */
  renew(grant: Grant, durationMs: number, mark: Watermark): Promise<Lease | null>;
  /**
   * Ends the grant at once, and leaves the lease to the replica of the boot `heir`, if one is named. False when it was
   * no longer in force.
   */
  release(grant: Grant, by: ReleasedBy, heir?: string | null): Promise<boolean>;
  /** Asks whoever leads under this term to step down. False when that term is over, or another one is in force. */
  askToStepDown(term: number): Promise<boolean>;
  /**
   * Calls `onHint` when the replica `boot` might want to act at once. No more than a hint: polling is the truth.
   * Renewals are not hinted, nor what the replica has done itself, nor that another one has become the heir. Reopens
   * itself after errors, which it reports. Returns what ends it.
   */
  watch(boot: string, onHint: (hint: LeaseHint) => void, onError: (error: Error) => void): () => void;
}

export type LeaseHint =
  /** It was given back, and left to this replica. */
  | 'left'
  /** Another replica has taken it. */
  | 'taken'
  /** It was given back, its holder is asked to step down, or whatever may have been before the watch began. */
  | 'changed'
  /** A run was requested. */
  | 'request';

/** The occurrences of one schedule in a batch, under the definition that the leader knows. */
export interface ClaimRequest {
  scheduleId: string;
  /**
   * Both must be what is stored (a schedule deleted and made again starts over at revision 1, at another
   * time).
   */
  revision: number;
  effectiveFrom: Date;
  /** Claims (state `claimed`) and records (`skipped`, `missed`), with ids. */
  runs: Run[];
}

export interface ClaimBatch {
  grant: Grant;
  durationMs: number;
  requests: ClaimRequest[];
  /**
   * The watermark to write, given the ids of the schedules whose definition was no longer the one stored: the
   * caller knows what stays owed then.
   */
  markWhenStale(staleScheduleIds: readonly string[]): Watermark;
  /**
   * Whether some of the runs may have been claimed under an earlier term: then they are looked up before, in
   * bulk.
   */
  mayBeClaimed: boolean;
  /** By which the batch was made: server time as the leader knows it, epoch ms. */
  nowMs: number;
}

export type ClaimResult =
  | {
    /** The grant is over: nothing was written, by this call or ever again under this grant. */
    kind: 'fenced';
  }
  | {
    /**
     * The server's clock has not reached the moment by which the batch was made: it was set back, and the leader has not
     * heard of it. Nothing was written.
     */
    kind: 'early';
    /** Server time, epoch ms. */
    serverNowMs: number;
  }
  | {
    kind: 'committed';
    lease: Lease;
    /** Runs that are durably ours, whether by this call or by an earlier one whose answer was lost. */
    runs: Run[];
    /** Ids of runs that exist already and are not ours under this grant: settled by somebody else. */
    duplicates: string[];
    /** Schedules whose stored definition is another one, or gone: nothing of them was claimed. */
    stale: string[];
  };

export interface ClaimStore {
  /**
   * One transaction: check and renew the lease, compare the schedules' definitions, insert the runs, move the
   * watermark. All or nothing. Aborted and repeated as often as the server asks for it. After
   * `StoreUnavailable` it may have been committed: claim the same runs again under the same grant, or
   * `resolve` them.
   */
  claim(batch: ClaimBatch): Promise<ClaimResult>;
  /**
   * Which of the runs, claimed by `boot` in a call whose answer was lost, are durably ours. Waits for, or
   * ends, what that call may still have in flight: the answer is final.
   */
  resolve(runs: readonly Run[], boot: string): Promise<Run[]>;
}

/** One page of a list. */
export interface Page<T> {
  items: T[];
  /** Pass it on for the next page; null on the last one. */
  nextCursor: string | null;
}

/** Which schedules: those that fit all that is given. */
export interface ScheduleFilter {
  /** Part of the id or the name, in any case. */
  q?: string;
  type?: Schedule['type'];
  /** It has all of these. */
  tags?: readonly { key: string; value: string }[];
  paused?: boolean;
}

export interface ScheduleQuery extends ScheduleFilter {
  limit: number;
  cursor: string | null;
}

/** Every write is stamped with the server's clock. */
export interface ScheduleStore {
  get(id: string): Promise<Schedule | NotUnderstood | null>;
  /** Ordered by id. `nowMs`: server time, from which next moments are told. */
  list(query: ScheduleQuery, nowMs: number): Promise<Page<ListedSchedule | NotUnderstood>>;
  count(filter: ScheduleFilter): Promise<number>;
  /** 'conflict' when the id is taken. */
  create(id: string, spec: ScheduleSpec): Promise<Schedule | 'conflict'>;
  /**
   * Replaces the definition; null when there is none of that id, 'conflict' when `ifRevision` is given and
   * another one is stored, what is stored when it is not understood: then nothing is changed. A definition that
   * is equal to the stored one makes no revision, and one with the same timing supersedes nothing
   * (scheduleChange.ts). Resolves only when no claim of the old definition can commit any more (G4): a claim in
   * flight is waited for, a later one finds the new revision. Rejects with `ChangeDeclined` when it would carry
   * more superseded definitions than it may.
   */
  replace(
    id: string,
    spec: ScheduleSpec,
    ifRevision?: number,
  ): Promise<Schedule | NotUnderstood | null | 'conflict'>;
  /** What was deleted, understood or not. Resolves as `replace` does. */
  remove(id: string, ifRevision?: number): Promise<Schedule | NotUnderstood | null | 'conflict'>;
}

/** What the change stream says. Changes arrive in the order of their commits. */
export type ScheduleChange =
  | { kind: 'upsert'; schedule: Schedule }
  | { kind: 'delete'; id: string }
  /** It was written, and this version can't read it. */
  | { kind: 'not understood'; schedule: NotUnderstood }
  /** The collection is gone, and the stream with it: start over with a snapshot. */
  | { kind: 'invalidated' };

export interface FeedObserver {
  change(change: ScheduleChange): void;
  /** All changes that were written at or before this (`written_at`, epoch ms) have been told. */
  progress(throughMs: number): void;
  /** The stream ended; nothing follows. `resumable` is false when its token is of no use any more. */
  failed(error: Error, resumable: boolean): void;
}

export interface OpenFeed {
  /** Where to go on after an error: opaque, null before the first answer. */
  token(): unknown;
  close(): void;
}

/** All that is stored, and the stream of what comes after. */
export interface Snapshot {
  schedules: Schedule[];
  notUnderstood: NotUnderstood[];
  feed: OpenFeed;
}

export interface ScheduleFeed {
  /**
   * A snapshot and the stream of what came after it, without a gap: the stream starts at a moment before the
   * snapshot was read, so changes may be told that the snapshot holds already. Nothing is told before the
   * promise resolves. Moments come as numbers (`compacted`): as dates, all of them together would need more memory
   * than a replica has.
   */
  snapshot(observer: FeedObserver): Promise<Snapshot>;
  /** Goes on after the token. */
  resume(token: unknown, observer: FeedObserver): Promise<OpenFeed>;
}

export interface RunQuery {
  scheduleId?: string;
  states?: readonly RunState[];
  /** Nominal times at or after this, and before that. */
  from?: Date;
  to?: Date;
  limit: number;
  cursor: string | null;
}

/** One schedule, also among those that were made under its id one after the other. */
export type ScheduleKey = Pick<Schedule, 'id' | 'created_at'>;

export interface RunStore {
  /** Newest nominal time first. What this version does not understand is left out, here and in all lists. */
  list(query: RunQuery): Promise<Page<Run>>;
  get(id: string): Promise<Run | NotUnderstood | null>;
  /**
   * Stores a run that somebody asked for (`requestedRun`), and hints at it (`LeaseStore.watch`): whoever leads
   * takes it for an orphan, and makes its first attempt. After `StoreUnavailable` it may be stored.
   */
  request(run: Run): Promise<void>;
  /** The newest run of each schedule that has one, by schedule id; none of an earlier schedule of that id. */
  latest(schedules: readonly ScheduleKey[]): Promise<Map<string, Run>>;
  /** The newest `limit` runs, in short, of each stored schedule that has some, newest first. Likewise its own only. */
  recent(schedules: readonly ScheduleKey[], limit: number): Promise<Map<string, RunSummary[]>>;
  /**
   * Writes outcomes in one batch; each counts only if the run is still open under that attempt and boot.
   * Writing one twice is harmless. Answers with those that count, by this call or an earlier one without an answer.
   */
  record(outcomes: readonly Outcome[]): Promise<Outcome[]>;
  /**
   * Open runs in the hands of other boots than `exceptBoot`, none of which was seen in the last
   * `deadAfterMs` of server time, and requested runs in nobody's. The requested ones first, the others don't
   * keep them waiting; then oldest nominal time first. None that this version does not understand, nor of the
   * schedules in `exceptSchedules`, so that neither keeps others out of the limit.
   */
  orphans(
    query: { exceptBoot: string; deadAfterMs: number; limit: number; exceptSchedules?: readonly string[] },
  ): Promise<Run[]>;
  /**
   * Makes each run ours, or ends it, if it is still open as it was found: under that attempt, in the hands
   * of that boot. Answers with those that are held by `by.boot` under the very next attempt, and those that it has
   * ended. After `StoreUnavailable` it may have been done, in part: repeat the same call, whose answer tells all
   * that came of either of the two, and after which neither can take effect any more.
   */
  adopt(adoptions: readonly Adoption[], by: Adopter): Promise<Adopted>;
}

export interface PresenceStore {
  /** Writes or refreshes this replica's entry: seen now, and not lost. */
  announce(replica: Announcement): Promise<void>;
  /** Takes this boot's entry away. */
  leave(boot: string): Promise<void>;
  /** Everybody seen within the last `withinMs` of server time, ordered by id. */
  list(withinMs: number): Promise<Replica[]>;
  /**
   * Notes as lost who was not seen for `lostAfterMs` of server time, and takes away who was not for
   * `goneAfterMs`.
   */
  sweep(limits: { lostAfterMs: number; goneAfterMs: number }): Promise<void>;
}

export interface LeadershipStore {
  /** Writes the beginning of a term, and the end of the one before it. Writing it twice is harmless. */
  record(terms: { began: Term; ended: EndedTerm | null }): Promise<void>;
  /** Newest first, only terms before `before` if that is given; they are kept for 90 days. */
  list(limit: number, before?: number): Promise<Term[]>;
}

/** One step of a stream of events: an event, or none for a while, and the position after it. */
export interface EventStep {
  event: ClusterEvent | null;
  position: string;
}

/** Events from a position on, in the order of their commits, at the pace of who reads them. */
export interface OpenEvents {
  /** Where it begins. */
  readonly start: string;
  /**
   * The next one, or none after half a second or so without. 'lost': nothing follows, since the history that
   * it would need is gone. One call at a time. After `StoreUnavailable` open another one at the last position.
   */
  next(): Promise<EventStep | 'lost'>;
  close(): void;
}

/**
 * What happened in the cluster, with a position for each event that means the same to every replica. Positions
 * compare as strings in the order of the events; other than that they are opaque.
 *
 * A run whose record has expired is not told any more; a schedule is told as it is when it is read.
 */
export interface EventFeed {
  /**
   * What comes after the position; from now on when it is null. 'lost': the position is none of this store,
   * or its history does not reach back to it.
   */
  open(after: string | null): Promise<OpenEvents | 'lost'>;
}

/** Everything that a store adapter offers. */
export interface Store {
  lease: LeaseStore;
  claims: ClaimStore;
  schedules: ScheduleStore;
  feed: ScheduleFeed;
  runs: RunStore;
  presence: PresenceStore;
  leadership: LeadershipStore;
  events: EventFeed;
  /**
   * Resolves once the store answers and everything that the product needs in it (collections, indexes, the lease
   * document) is there, with the names of what was missing and is made. Idempotent, by any number of replicas at
   * once. `known` is the lease as the caller saw it last: one that was deleted goes on from there.
   */
  prepare(known?: Lease | null): Promise<string[]>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Tells a dead process from a slow one. */
export interface Peers {
  /** Boot of the one that has watched this process for longest; null when nobody does. */
  heir(): string | null;
  /**
   * Holds a connection to the process `boot` at `address`. Calls `onDead`, once, when that connection broke
   * without a goodbye and another one is refused, or answered by another process: never on a mere timeout, and
   * never before the process was met there. `sinceMs`: how long ago it broke. Returns what ends it.
   */
  watch(peer: { address: string; boot: string }, onDead: (sinceMs: number) => void): () => void;
}

/** What is done for one attempt. Rejecting means that the attempt failed. */
export type Execute = (attempt: ActionAttempt, signal: AbortSignal) => Promise<{ output: string | null }>;

export interface ActionAttempt {
  run: Run;
  schedule: Schedule;
}
