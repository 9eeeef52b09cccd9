import { Heap } from './heap.ts';
import { type Mark, markOf, type Watermark } from '../leadership/watermark.ts';
import { dropSettled, momentCount } from '../schedules/compacted.ts';
import { type ClaimVerdict, verdictOn } from './claimVerdict.ts';
import { type DueEntry, isNewer, newEntry, nextDueMs, redefine, settleThrough } from './dueEntry.ts';
import { settledThroughMs } from './owed.ts';
import { settle, type Settlement, type Settler } from './settlement.ts';
import type { Schedule } from '../schedules/schedule.ts';

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

  entries(): Iterable<DueEntry> {
    return this.#entries.values();
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
    const { id } = schedule;
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      const own = this.#setAside.get(id) ?? markOf(mark, id);
      this.#setAside.delete(id);
      const added = newEntry(schedule, own, mayBeClaimedThroughMs);
      this.#entries.set(id, added);
      this.#moments += momentCount(added.schedule);
      this.#reschedule(added);
      return;
    }
    if (!isNewer(entry.schedule, schedule)) return;
    this.#moments -= momentCount(entry.schedule);
    redefine(entry, schedule, mayBeClaimedThroughMs);
    this.#moments += momentCount(entry.schedule);
    if (entry.state !== 'in flight') this.#reschedule(entry);
    // The new definition may owe something before the claim in flight does.
    else entry.dueMs = Math.min(entry.dueMs, nextDueMs(entry.schedule, entry.cursorMs));
  }

  /**
   * Sets aside a schedule that this version does not understand: none of it is claimed. `mark`: the
   * current watermark. Returns false when it is set aside already.
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

  /** Moves all cursors through what the watermark reports as settled, under any leader. */
  advance(mark: Watermark): void {
    // The last leader did not know these timings: they still owe something before the watermark.
    const overdue: DueEntry[] = [];
    for (let top = this.#dueBy(mark.claimedThroughMs); top; top = this.#dueBy(mark.claimedThroughMs)) {
      this.#heap.remove(top);
      const throughMs = settledThroughMs(top.schedule, markOf(mark, top.schedule.id));
      top.cursorMs = Math.max(top.cursorMs, throughMs);
      this.#dropSettled(top);
      top.dueMs = nextDueMs(top.schedule, top.cursorMs);
      if (top.dueMs <= mark.claimedThroughMs) overdue.push(top);
      else if (top.dueMs < Infinity) this.#heap.push(top);
    }
    for (const entry of overdue) this.#heap.push(entry);
  }

  /** The entries in flight: taken, not finished. */
  get taken(): readonly Taken[] {
    return this.#taken;
  }

  /**
   * Takes what is due at or before `by.nowMs`, earliest first, until the settlements hold about
   * `limit` runs. Blocks those that `hasRoom` refuses. Throws while a claim is in flight.
   */
  take(by: Settler, limit: number, hasRoom: (scheduleId: string) => boolean = () => true): void {
    if (this.#taken.length > 0) {
      throw new Error('The due queue cannot take entries while a claim is in flight.');
    }
    let room = limit;
    for (let top = this.#dueBy(by.nowMs); top && room > 0; top = this.#dueBy(by.nowMs)) {
      this.#heap.remove(top);
      if (!hasRoom(top.schedule.id)) {
        this.#takeApart(top, 'blocked');
        continue;
      }
      this.#takeApart(top, 'in flight');
      const mayBeClaimedThroughMs = top.surveyedTerm === by.term
        ? -Infinity
        : Math.max(by.mayBeClaimedThroughMs, top.mayBeClaimedThroughMs);
      const others = this.nextDueMs() <= by.nowMs;
      // A schedule with a long backlog (set aside for long, say) leaves room for other due schedules.
      const share = others ? Math.ceil(room / 2) : room;
      const settlement = settle(top.schedule, top.cursorMs, { ...by, mayBeClaimedThroughMs }, share);
      const nextMs = nextDueMs(top.schedule, settlement.cursorMs);
      this.#taken.push({ entry: top, schedule: top.schedule, settlement, dueMs: top.dueMs, nextMs });
      room -= settlement.runs.length;
    }
  }

  /**
   * Ends the claim. Verdict per schedule: `settled` when the settlement is durable, `owed` when the
   * claim had no effect, `stale` when the store has another definition, or none, or could not decide
   * about it now. A stale schedule is held until the mirror has progressed.
   */
  finish(verdictOf: ClaimVerdict): void {
    for (const one of this.#taken.splice(0)) {
      const { entry, schedule, settlement } = one;
      const how = verdictOn(verdictOf, schedule.id);
      if (this.#entries.get(schedule.id) !== entry) continue;
      if (how === 'settled') settleThrough(entry, schedule, settlement.cursorMs);
      if (verdictOf.exhausted?.has(schedule.id) && entry.schedule === schedule) entry.isExhausted = true;
      if (how === 'stale' && entry.schedule === schedule) this.#takeApart(entry, 'held');
      else this.#reschedule(entry);
    }
  }

  /** The mirror has progressed: retries the entries still held. */
  unhold(): void {
    for (const entry of this.#apart) if (entry.state === 'held') this.#reschedule(entry);
  }

  /** The waiting runs were counted again: retries the blocked entries. */
  unblock(): void {
    for (const entry of this.#apart) if (entry.state === 'blocked') this.#reschedule(entry);
  }

  /**
   * The store was read after this replica began to lead: the newest occurrence of this schedule with a record is
   * at `newestMs` (null for none). Claims go in order, so all before it are settled, and none after it has a run.
   */
  surveyed(schedule: Schedule, newestMs: number | null, term: number): void {
    const entry = this.#entries.get(schedule.id);
    if (entry === undefined || entry.schedule !== schedule || entry.state === 'in flight') return;
    // What its earlier timings owe may be claimed in part.
    if (newestMs === null && schedule.superseded.length > 0) return;
    entry.surveyedTerm = term;
    entry.cursorMs = Math.max(entry.cursorMs, newestMs ?? -Infinity);
    this.#reschedule(entry);
  }

  /**
   * The moment, at most `nowMs`, through which every entry is settled: `now`, or once the entries in
   * flight are `claimed`.
   */
  settledThroughMs(nowMs: number, when: 'now' | 'claimed'): number {
    let throughMs = Math.min(nowMs, this.nextDueMs() - 1);
    const nextMs = new Map<DueEntry, number>();
    if (when === 'claimed') { for (const one of this.#taken) nextMs.set(one.entry, one.nextMs); }
    for (const entry of this.#apart) throughMs = Math.min(throughMs, (nextMs.get(entry) ?? entry.dueMs) - 1);
    return throughMs;
  }

  /** The first waiting entry, if it is due at or before `ms`. */
  #dueBy(ms: number): DueEntry | undefined {
    const first = this.#heap.peek();
    return first !== undefined && first.dueMs <= ms ? first : undefined;
  }

  #dropSettled({ schedule, cursorMs }: DueEntry): void {
    this.#moments -= dropSettled(schedule, cursorMs);
  }

  #takeApart(entry: DueEntry, state: 'in flight' | 'held' | 'blocked'): void {
    entry.state = state;
    this.#apart.add(entry);
  }

  #reschedule(entry: DueEntry): void {
    this.#heap.remove(entry);
    this.#apart.delete(entry);
    entry.state = 'waiting';
    this.#dropSettled(entry);
    entry.dueMs = entry.isExhausted ? Infinity : nextDueMs(entry.schedule, entry.cursorMs);
    if (entry.dueMs < Infinity) this.#heap.push(entry);
  }
}
