import { Heap, type HeapEntry } from './heap.ts';
import { type Mark, markOf, type Watermark } from '../leadership/lease.ts';
import { compacted, dropSettled, momentCount } from '../schedules/compacted.ts';
import {
  nextOwedMs,
  settle,
  settledThroughMs,
  type Settlement,
  type Settler,
  type TimingInForce,
  timingsOf,
} from './owed.ts';
import type { Schedule } from '../schedules/schedule.ts';

/** The queue's entry of one schedule: its definition, cursor and next due time. */
export interface DueEntry extends HeapEntry {
  schedule: Schedule;
  /** Everything that this schedule owed at or before this is settled. */
  cursorMs: number;
  /**
   * Occurrences through here may have a run already, although the cursor has not passed them: this
   * replica claimed them before the schedule entered the queue or changed.
   */
  mayBeClaimedThroughMs: number;
  /**
   * `in flight`: a claim of it is under way. `held`: the store has another definition than this
   * replica.
   */
  state: 'waiting' | 'in flight' | 'held';
}

/** The result of a claim, by schedule id; `others` applies to all ids in neither set. */
export interface ClaimVerdict {
  settled?: ReadonlySet<string>;
  stale?: ReadonlySet<string>;
  others: 'settled' | 'owed';
}

export function verdictOn(
  { settled, stale, others }: ClaimVerdict,
  id: string,
): 'settled' | 'owed' | 'stale' {
  return settled?.has(id) ? 'settled' : stale?.has(id) ? 'stale' : others;
}

/** An entry taken for a claim, with its settlement. */
export interface Taken {
  entry: DueEntry;
  /** The definition that the settlement was made from. */
  schedule: Schedule;
  settlement: Settlement;
  /** First due time, epoch ms. */
  dueMs: number;
  /** Next due time after the settlement, epoch ms. */
  nextMs: number;
}

/**
 * All schedules of the mirror, ordered by next due time. Jobs are therefore virtual: a waiting
 * schedule is an entry here, not a live machine. Takeovers are cheap: followers keep the queue as
 * warm as the leader does, by the watermark, and a new leader needs no read per schedule.
 *
 * The queue also bounds the watermark, which never passes an occurrence that is owed and not
 * settled, be it waiting, in flight, or held because our definition was out of date. Schedules that
 * this version does not understand are set aside: the watermark passes them and keeps, for each,
 * the mark at which it stood.
 */
export class DueQueue {
  readonly #entries = new Map<string, DueEntry>();
  readonly #heap = new Heap<DueEntry>();
  /** The few entries that are in flight or held. */
  readonly #apart = new Set<DueEntry>();
  readonly #setAside = new Map<string, Mark>();
  readonly #taken: Taken[] = [];
  #moments = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Moments held, over all `at_times` schedules. */
  get moments(): number {
    return this.#moments;
  }

  schedules(): Schedule[] {
    return [...this.#entries.values()].map((entry) => entry.schedule);
  }

  get(id: string): DueEntry | undefined {
    return this.#entries.get(id);
  }

  /** The earliest due time, epoch ms; Infinity when nothing will ever be owed. */
  nextDueMs(): number {
    return this.#heap.peek()?.dueMs ?? Infinity;
  }

  /** Marks of the schedules set aside, by schedule id. */
  get setAside(): ReadonlyMap<string, Mark> {
    return this.#setAside;
  }

  /** Adds or updates a schedule from the mirror. Ignores stale and repeated changes. */
  put(schedule: Schedule, mark: Watermark, mayBeClaimedThroughMs = -Infinity): void {
    const known = this.#entries.get(schedule.id);
    if (known === undefined) {
      const settled = this.#setAside.get(schedule.id) ?? markOf(mark, schedule.id);
      this.#setAside.delete(schedule.id);
      const cursorMs = settledThroughMs(schedule, settled);
      const entry: DueEntry = {
        schedule: compacted(schedule, cursorMs),
        cursorMs,
        mayBeClaimedThroughMs,
        dueMs: 0,
        heapIndex: -1,
        state: 'waiting',
      };
      this.#entries.set(schedule.id, entry);
      this.#moments += momentCount(entry.schedule);
      this.#reschedule(entry);
      return;
    }
    if (!isNewer(known.schedule, schedule)) return;
    const tookEffectMs = firstNewTimingMs(known.schedule, schedule);
    if (tookEffectMs !== null) {
      // This replica may have claimed what the new timing owes, on a clock slightly ahead or set
      // back since.
      known.mayBeClaimedThroughMs = Math.max(
        known.mayBeClaimedThroughMs,
        known.cursorMs,
        mayBeClaimedThroughMs,
      );
      known.cursorMs = Math.min(known.cursorMs, tookEffectMs);
    }
    this.#moments -= momentCount(known.schedule);
    known.schedule = compacted(schedule, known.cursorMs);
    this.#moments += momentCount(known.schedule);
    if (known.state !== 'in flight') this.#reschedule(known);
    // The new definition may owe something before the claim in flight does.
    else known.dueMs = Math.min(known.dueMs, nextOwedMs(known.schedule, known.cursorMs) ?? Infinity);
  }

  /**
   * Sets aside a schedule that this version does not understand: none of it is claimed. `mark`: the
   * watermark in force. Returns false when it is set aside already.
   */
  putAside(id: string, mark: Watermark): boolean {
    this.#remove(id);
    if (this.#setAside.has(id)) return false;
    this.#setAside.set(id, markOf(mark, id));
    return true;
  }

  /** This replica leads now: earlier leaders have moved the marks of schedules set aside. */
  adoptMarks(mark: Watermark): void {
    for (const id of this.#setAside.keys()) this.#setAside.set(id, markOf(mark, id));
  }

  remove(id: string): void {
    this.#setAside.delete(id);
    this.#remove(id);
  }

  #remove(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#moments -= momentCount(entry.schedule);
    this.#heap.remove(entry);
    this.#apart.delete(entry);
  }

  /** Skips what the watermark reports as settled, under any leader. */
  advance(mark: Watermark): void {
    const unknown: DueEntry[] = [];
    for (
      let top = this.#heap.peek();
      top !== undefined && top.dueMs <= mark.claimedThroughMs;
      top = this.#heap.peek()
    ) {
      this.#heap.remove(top);
      top.cursorMs = Math.max(
        top.cursorMs,
        settledThroughMs(top.schedule, markOf(mark, top.schedule.id)),
      );
      this.#dropSettled(top);
      top.dueMs = nextOwedMs(top.schedule, top.cursorMs) ?? Infinity;
      if (top.dueMs <= mark.claimedThroughMs) unknown.push(top);
      else if (top.dueMs < Infinity) this.#heap.push(top);
    }
    for (const entry of unknown) this.#heap.push(entry);
  }

  /** The entries in flight: taken, not finished. */
  get taken(): readonly Taken[] {
    return this.#taken;
  }

  /**
   * Takes what is due at or before `by.nowMs`, earliest first, until the settlements hold about
   * `limit` runs. Throws while a claim is in flight.
   */
  take(by: Settler, limit: number): void {
    if (this.#taken.length > 0) {
      throw new Error('The due queue was asked for more while a claim is in flight.');
    }
    let room = limit;
    for (
      let top = this.#heap.peek();
      top !== undefined && top.dueMs <= by.nowMs && room > 0;
      top = this.#heap.peek()
    ) {
      this.#heap.remove(top);
      this.#takeApart(top, 'in flight');
      const mayBeClaimedThroughMs = Math.max(by.mayBeClaimedThroughMs, top.mayBeClaimedThroughMs);
      const others = this.nextDueMs() <= by.nowMs;
      // A schedule with a long backlog (set aside for long, say) leaves room for other due schedules.
      const share = others ? Math.ceil(room / 2) : room;
      const settlement = settle(top.schedule, top.cursorMs, { ...by, mayBeClaimedThroughMs }, share);
      const nextMs = nextOwedMs(top.schedule, settlement.cursorMs) ?? Infinity;
      this.#taken.push({ entry: top, schedule: top.schedule, settlement, dueMs: top.dueMs, nextMs });
      room -= settlement.runs.length;
    }
  }

  /**
   * Ends the claim. Verdict per schedule: `settled` when the settlement is durable, `owed` when the
   * claim had no effect, `stale` when the store has another definition, or none. A stale schedule
   * is held until the mirror has learnt of it.
   */
  finish(verdictOf: ClaimVerdict): void {
    for (const one of this.#taken.splice(0)) {
      const { entry, schedule, settlement } = one;
      const how = verdictOn(verdictOf, schedule.id);
      if (this.#entries.get(schedule.id) !== entry) continue;
      if (how === 'settled') {
        // A timing that arrived meanwhile counts from the moment it took effect.
        entry.cursorMs = Math.min(
          settlement.cursorMs,
          firstNewTimingMs(schedule, entry.schedule) ?? Infinity,
        );
      }
      if (how === 'stale' && entry.schedule === schedule) this.#takeApart(entry, 'held');
      else this.#reschedule(entry);
    }
  }

  /** The mirror has progressed: retries the entries still held. */
  unhold(): void {
    for (const entry of this.#apart) if (entry.state === 'held') this.#reschedule(entry);
  }

  /**
   * The moment, at most `nowMs`, through which everything known here is settled: `now`, or once the
   * entries in flight are `claimed`.
   */
  settledThroughMs(nowMs: number, when: 'now' | 'claimed'): number {
    let throughMs = Math.min(nowMs, this.nextDueMs() - 1);
    const nextMs = new Map<DueEntry, number>();
    if (when === 'claimed') { for (const one of this.#taken) nextMs.set(one.entry, one.nextMs); }
    for (const entry of this.#apart) throughMs = Math.min(throughMs, (nextMs.get(entry) ?? entry.dueMs) - 1);
    return throughMs;
  }

  #dropSettled({ schedule, cursorMs }: DueEntry): void {
    this.#moments -= dropSettled(schedule, cursorMs);
  }

  #takeApart(entry: DueEntry, state: 'in flight' | 'held'): void {
    entry.state = state;
    this.#apart.add(entry);
  }

  #reschedule(entry: DueEntry): void {
    this.#heap.remove(entry);
    this.#apart.delete(entry);
    entry.state = 'waiting';
    this.#dropSettled(entry);
    entry.dueMs = nextOwedMs(entry.schedule, entry.cursorMs) ?? Infinity;
    if (entry.dueMs < Infinity) this.#heap.push(entry);
  }
}

/** Whether `next` is a later revision, or a schedule created later under the same id. */
function isNewer(known: Schedule, next: Schedule): boolean {
  return isSameLife(known, next) ? next.revision > known.revision : next.written_at >= known.written_at;
}

/** When the first timing in `next` that `known` lacks took effect, epoch ms; null without a new timing. */
function firstNewTimingMs(known: Schedule, next: Schedule): number | null {
  const [oldest, ...later] = timingsOf(next);
  if (!isSameLife(known, next)) return (oldest as TimingInForce).from.getTime();
  const isNew = ({ revision }: TimingInForce) => revision > known.timing_revision;
  return [oldest as TimingInForce, ...later].find(isNew)?.from.getTime() ?? null;
}

/** A schedule deleted and created again under its id restarts at revision 1. */
function isSameLife(known: Schedule, next: Schedule): boolean {
  return known.created_at.getTime() === next.created_at.getTime();
}
