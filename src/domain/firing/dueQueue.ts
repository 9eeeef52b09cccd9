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

/** The place of one schedule: what it is, how far it is settled, when it owes next. */
export interface DueEntry extends HeapEntry {
  schedule: Schedule;
  /** Everything that this schedule owed at or before this is settled. */
  cursorMs: number;
  /**
   * Occurrences through here may have a run already, although the cursor has not passed them: it was ourselves,
   * before the schedule was new to the queue, or changed.
   */
  mayBeClaimedThroughMs: number;
  /**
   * `in flight` while a claim for it is under way, `held` when the store knows another definition of it than
   * we do.
   */
  state: 'waiting' | 'in flight' | 'held';
}

/** What has become of a claim, by schedule id: of all others the last word. */
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

/** An entry taken for a claim, and what to claim for it. */
export interface Taken {
  entry: DueEntry;
  /** The definition that the settlement was made from. */
  schedule: Schedule;
  settlement: Settlement;
  /** When it owes first, epoch ms. */
  dueMs: number;
  /** When it owes next, once this is settled. */
  nextMs: number;
}

/**
 * Every schedule that the mirror holds, by when it owes next. This is what makes jobs virtual (a waiting
 * schedule is an entry here, not a live machine) and takeovers cheap: followers keep it as warm as the leader
 * does, by the watermark, and a new leader needs no read per schedule.
 *
 * It also knows how far the watermark may move: never past anything that is owed and not settled, be it
 * waiting, in flight, or held because our definition of it turned out to be old. Schedules that this version does
 * not understand are set aside: the watermark passes them, and says where it stood for each.
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

  /** How many moments of `at_times` schedules it holds. */
  get moments(): number {
    return this.#moments;
  }

  schedules(): Schedule[] {
    return [...this.#entries.values()].map((entry) => entry.schedule);
  }

  get(id: string): DueEntry | undefined {
    return this.#entries.get(id);
  }

  /** When the next schedule owes something, epoch ms; Infinity when none ever will. */
  nextDueMs(): number {
    return this.#heap.peek()?.dueMs ?? Infinity;
  }

  /** Schedules that are not understood: how far each is settled. */
  get setAside(): ReadonlyMap<string, Mark> {
    return this.#setAside;
  }

  /** A schedule as the mirror has it now. Old news (a change told twice) is ignored. */
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
      // By a clock that was a little ahead, or was set back since, we may have claimed what the new timing owes.
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
    // What it brings may be owed earlier than what is in flight.
    else known.dueMs = Math.min(known.dueMs, nextOwedMs(known.schedule, known.cursorMs) ?? Infinity);
  }

  /**
   * The store has a schedule of this id that is not understood: nothing of it is claimed. `mark` is the mark in
   * force. False when it was set aside before.
   */
  putAside(id: string, mark: Watermark): boolean {
    this.#remove(id);
    if (this.#setAside.has(id)) return false;
    this.#setAside.set(id, markOf(mark, id));
    return true;
  }

  /** This replica leads from now on: others have moved the mark of what was set aside before. */
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

  /** What the store says is settled (by whoever leads) needs no second look. */
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

  /** What is in flight: taken, and not finished yet. */
  get taken(): readonly Taken[] {
    return this.#taken;
  }

  /**
   * Takes what is due by `by.nowMs`, earliest first, until the settlements hold about `limit` runs. Nothing
   * else is taken until it is finished.
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
      // One that has much to make up for (it was set aside for long, say) leaves room for others that are due.
      const share = others ? Math.ceil(room / 2) : room;
      const settlement = settle(top.schedule, top.cursorMs, { ...by, mayBeClaimedThroughMs }, share);
      const nextMs = nextOwedMs(top.schedule, settlement.cursorMs) ?? Infinity;
      this.#taken.push({ entry: top, schedule: top.schedule, settlement, dueMs: top.dueMs, nextMs });
      room -= settlement.runs.length;
    }
  }

  /**
   * The claim has ended. Of each schedule taken: `settled` when it is durable, `owed` when it came to
   * nothing, `stale` when the store has another definition, or none: then nothing is done until the mirror
   * has learnt of it.
   */
  finish(verdictOf: ClaimVerdict): void {
    for (const one of this.#taken.splice(0)) {
      const { entry, schedule, settlement } = one;
      const how = verdictOn(verdictOf, schedule.id);
      if (this.#entries.get(schedule.id) !== entry) continue;
      if (how === 'settled') {
        // What came in meanwhile counts from the moment at which it took effect.
        entry.cursorMs = Math.min(
          settlement.cursorMs,
          firstNewTimingMs(schedule, entry.schedule) ?? Infinity,
        );
      }
      if (how === 'stale' && entry.schedule === schedule) this.#takeApart(entry, 'held');
      else this.#reschedule(entry);
    }
  }

  /** The mirror has made progress: whatever is still held is tried again. */
  unhold(): void {
    for (const entry of this.#apart) if (entry.state === 'held') this.#reschedule(entry);
  }

  /**
   * Through which moment everything known here is settled, at most `nowMs`: as things are, or once what is in flight is
   * settled.
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

/** Whether `next` is a later state of the schedule, or a schedule that was made later under the same id. */
function isNewer(known: Schedule, next: Schedule): boolean {
  return isSameLife(known, next) ? next.revision > known.revision : next.written_at >= known.written_at;
}

/**
 * When the first timing in `next` that `known` does not have took effect, epoch ms; null when `next` brings no new
 * timing.
 */
function firstNewTimingMs(known: Schedule, next: Schedule): number | null {
  const [oldest, ...later] = timingsOf(next);
  if (!isSameLife(known, next)) return (oldest as TimingInForce).from.getTime();
  const isNew = ({ revision }: TimingInForce) => revision > known.timing_revision;
  return [oldest as TimingInForce, ...later].find(isNew)?.from.getTime() ?? null;
}

/** One that is deleted, and made again under its id, starts over at revision 1. */
function isSameLife(known: Schedule, next: Schedule): boolean {
  return known.created_at.getTime() === next.created_at.getTime();
}
