import type { Run } from '../../src/domain/run.ts';
import type { Policy, Schedule, TimingSpec } from '../../src/domain/schedule.ts';
import { occurrenceAfter } from './naive.ts';
import { seconds } from './trace.ts';

/** One definition of one schedule, for as long as it was in force: what it owes, and what of it is settled. */
export class Segment {
  readonly id: string;
  readonly revision: number;
  readonly fromMs: number;
  readonly policy: Policy;
  /** It owes the occurrences in (from, until]. */
  untilMs = Infinity;
  readonly #timing: TimingSpec;
  readonly #createdMs: number;
  readonly #paused: boolean;
  /** Everything owed at or before this is settled. */
  #settledThroughMs: number;
  /** All settled occurrences. */
  readonly #settled = new Set<number>();

  constructor(schedule: Schedule, before?: Segment) {
    this.id = schedule.id;
    this.revision = schedule.revision;
    this.fromMs = schedule.effective_from.getTime();
    this.policy = schedule.policy;
    this.#timing = structuredClone(schedule);
    this.#createdMs = schedule.created_at.getTime();
    this.#paused = schedule.paused;
    this.#settledThroughMs = this.fromMs;
    // What the definition before settled a moment early, by a clock that was ahead, has its run already.
    for (const atMs of before === undefined ? [] : before.#settled) {
      if (atMs > this.fromMs) this.#settled.add(atMs);
    }
  }

  /** The first occurrence after a moment that this definition has, in force or not; Infinity for none. */
  after(ms: number): number {
    return this.#paused ? Infinity : occurrenceAfter(this.#timing, this.#createdMs, ms) ?? Infinity;
  }

  /** The first occurrence that is owed, not settled, and at or before a moment; null when there is none. */
  unsettled(throughMs: number): number | null {
    const endMs = Math.min(throughMs, this.untilMs);
    for (
      let nextMs = this.after(this.#settledThroughMs);
      nextMs <= endMs;
      nextMs = this.after(this.#settledThroughMs)
    ) {
      if (!this.#settled.has(nextMs)) return nextMs;
      this.#settledThroughMs = nextMs;
    }
    return null;
  }

  /** Settles one occurrence. Says what is wrong with that, null when nothing is. */
  settle(atMs: number): string | null {
    if (atMs <= this.fromMs || atMs > this.untilMs) return 'was not in force then';
    if (this.after(atMs - 1) !== atMs) return 'has no such occurrence';
    if (this.#settled.has(atMs)) return 'has that settled already (G1)';
    this.#settled.add(atMs);
    return null;
  }

  toString(): string {
    const { id, revision, fromMs, untilMs } = this;
    const until = untilMs === Infinity ? '…' : seconds(untilMs);
    return `${id} rev ${revision} (${seconds(fromMs)}, ${until}]`;
  }
}

/** Every definition that ever took effect, and what its occurrences came to. */
export class Ledger {
  /** By schedule, oldest first; gone when the schedule is deleted, which owes nothing any more. */
  readonly #segments = new Map<string, Segment[]>();
  /** The last one of each schedule that was deleted: one that is created anew under its id has the same occurrences. */
  readonly #removed = new Map<string, Segment>();
  settled = 0;

  /** A definition has taken effect. Says what is wrong with it. */
  define(schedule: Schedule): string | null {
    const row = this.#segments.get(schedule.id) ?? [];
    const last = row.at(-1);
    const segment = new Segment(schedule, last ?? this.#removed.get(schedule.id));
    if (segment.revision !== (last?.revision ?? 0) + 1) {
      return `${segment} follows revision ${last?.revision}`;
    }
    if (last !== undefined) {
      if (segment.fromMs <= last.fromMs) return `${segment} takes effect before ${last}`;
      last.untilMs = segment.fromMs;
    }
    this.#segments.set(schedule.id, [...row, segment]);
    return null;
  }

  remove(id: string): void {
    const last = this.current(id);
    if (last !== undefined) this.#removed.set(id, last);
    this.#segments.delete(id);
  }

  current(id: string): Segment | undefined {
    return this.#segments.get(id)?.at(-1);
  }

  /** A run record was stored. Says what is wrong with it. */
  record(run: Run): string | null {
    const row = this.#segments.get(run.schedule_id) ?? [];
    const segment = row.find(({ revision }) => revision === run.schedule_revision);
    if (segment === undefined) return `there is no revision ${run.schedule_revision} of it (G4)`;
    if (run.reason === 'superseded' && segment === row.at(-1)) {
      return `${segment} is in force: not superseded`;
    }
    if (run.reason !== 'superseded' && segment !== row.at(-1)) return `${segment} is no longer in force (G4)`;
    const sinceMs = run.since.getTime();
    const throughMs = run.scheduled_for.getTime();
    let count = 0;
    for (let atMs = sinceMs; atMs <= throughMs; atMs = segment.after(atMs)) {
      const wrong = segment.settle(atMs);
      if (wrong !== null) return `${segment} ${wrong}: ${seconds(atMs)}`;
      count++;
    }
    this.settled += count;
    return count === run.count ? null : `it stands for ${count} occurrences and says ${run.count}`;
  }

  /** Something that is owed by then and not settled, of definitions in force by `knownThroughMs`. */
  unsettled(throughMs: number, knownThroughMs: number): string | null {
    for (const row of this.#segments.values()) {
      for (const segment of row) {
        if (segment.fromMs > knownThroughMs) break;
        const atMs = segment.unsettled(throughMs);
        if (atMs !== null) return `${segment} owes ${seconds(atMs)}`;
      }
    }
    return null;
  }
}
