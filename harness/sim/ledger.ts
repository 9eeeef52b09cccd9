import type { Mark } from '../../src/domain/leadership/watermark.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import type { Policy } from '../../src/domain/schedules/policy.ts';
import type { Schedule } from '../../src/domain/schedules/schedule.ts';
import type { BoundedRule } from '../../src/domain/timing/timing.ts';
import { occurrenceAfter } from './naive.ts';
import { seconds } from './trace.ts';

/** A clock of the store's members may be behind another one's by this much. */
const CLOCK_TOLERANCE_MS = 1000;

/** One timing of one schedule, for as long as it was in force: what it owes, and what of it is settled. */
export class Segment {
  readonly id: string;
  /** The revision that brought it, and the last one that kept it. */
  readonly firstRevision: number;
  revision: number;
  readonly createdMs: number;
  readonly fromMs: number;
  /** On the clock that never goes back. */
  readonly writtenMs: number;
  /** When its definition last changed, timing aside; server time. */
  amendedMs = -Infinity;
  policy: Policy;
  /** Occurrences that are claimed, at most, and those that were, of all timings of its schedule. */
  maxRuns: number;
  readonly #life: { claimed: number };
  /** All that a client wrote, and the part of it that is timing. */
  spec: string;
  readonly timing: string;
  /** It owes the occurrences in (from, until]. */
  untilMs = Infinity;
  readonly #timing: BoundedRule;
  /** It owes nothing before this. */
  readonly #owesFromMs: number;
  /** Everything owed at or before this is settled. */
  #settledThroughMs: number;
  /** The occurrences that a record stands for. */
  readonly #settled = new Set<number>();
  /** Those of all schedules of this id that have a record of their own, which can't be stored a second time. */
  readonly #recorded: Set<number>;

  constructor(schedule: Schedule, recorded: Set<number>, life: { claimed: number }) {
    this.#life = life;
    this.maxRuns = schedule.max_runs ?? Infinity;
    this.id = schedule.id;
    this.firstRevision = schedule.revision;
    this.revision = schedule.revision;
    this.createdMs = schedule.created_at.getTime();
    this.fromMs = schedule.effective_from.getTime();
    this.writtenMs = schedule.written_at.getTime();
    this.policy = schedule.policy;
    this.spec = specOf(schedule);
    this.timing = timingOf(schedule);
    this.#timing = structuredClone(schedule);
    this.#owesFromMs = schedule.paused ? schedule.pause_until?.getTime() ?? Infinity : -Infinity;
    this.#settledThroughMs = this.fromMs;
    this.#recorded = recorded;
  }

  /** The first occurrence after a moment that this timing has, in force or not; Infinity for none. */
  after(ms: number): number {
    if (this.#owesFromMs === Infinity) return Infinity;
    return occurrenceAfter(this.#timing, this.createdMs, Math.max(ms, this.#owesFromMs)) ?? Infinity;
  }

  /** The first occurrence that is owed, not settled, and at or before a moment; null when there is none. */
  unsettled(throughMs: number): number | null {
    if (this.isExhausted) return null;
    const endMs = Math.min(throughMs, this.untilMs);
    for (
      let nextMs = this.after(this.#settledThroughMs);
      nextMs <= endMs;
      nextMs = this.after(this.#settledThroughMs)
    ) {
      if (!this.#settled.has(nextMs) && !this.#recorded.has(nextMs)) return nextMs;
      this.#settledThroughMs = nextMs;
    }
    return null;
  }

  /** Whether this is one of its occurrences, due while it was in force, and not settled. */
  owes(atMs: number): boolean {
    if (this.isExhausted || atMs <= Math.max(this.fromMs, this.#settledThroughMs)) return false;
    return atMs <= this.untilMs && this.after(atMs - 1) === atMs && !this.#settled.has(atMs) &&
      !this.#recorded.has(atMs);
  }

  /** Settles one occurrence. Says what is wrong with that, null when nothing is. */
  settle(atMs: number): string | null {
    if (atMs <= this.fromMs || atMs > this.untilMs) return 'was not in force then';
    if (this.after(atMs - 1) !== atMs) return 'has no such occurrence';
    if (this.#settled.has(atMs)) return 'has that settled already (G1)';
    this.#settled.add(atMs);
    return null;
  }

  /** It has had all its runs. */
  get isExhausted(): boolean {
    return this.#life.claimed >= this.maxRuns;
  }

  /** One of its occurrences was claimed. Says what is wrong with that. */
  claim(): string | null {
    if (this.maxRuns === Infinity) return null;
    return ++this.#life.claimed > this.maxRuns ? `is claimed for the ${this.#life.claimed}th time` : null;
  }

  /** Nothing is owed up to this moment. */
  forgive(throughMs: number): void {
    this.#settledThroughMs = Math.max(this.#settledThroughMs, throughMs);
  }

  get life(): { claimed: number } {
    return this.#life;
  }

  toString(): string {
    const { id, firstRevision, revision, fromMs, untilMs } = this;
    const until = untilMs === Infinity ? '…' : seconds(untilMs);
    return `${id} rev ${firstRevision}–${revision} (${seconds(fromMs)}, ${until}]`;
  }
}

/** Every definition that ever took effect, and what its occurrences came to. */
export class Ledger {
  /** By schedule, oldest first; gone when the schedule is deleted, which owes nothing any more. */
  readonly #segments = new Map<string, Segment[]>();
  /** Nominal times of records, by id, also of schedules that were deleted: one made anew has the same occurrences. */
  readonly #recorded = new Map<string, Set<number>>();
  /** Nominal times that had a run, by id; those that a backfill was asked to run again do not count. */
  readonly #ran = new Map<string, Set<number>>();
  settled = 0;
  /** The latest time that the server's clock has shown. */
  #latestMs = -Infinity;

  /** It is this late by the server's clock. */
  tick(nowMs: number): void {
    this.#latestMs = Math.max(this.#latestMs, nowMs);
  }

  /** A definition has taken effect, at this server time. Says what is wrong with it. */
  define(schedule: Schedule, nowMs: number): string | null {
    const row = this.#segments.get(schedule.id) ?? [];
    const last = row.at(-1);
    if (schedule.revision !== (last?.revision ?? 0) + 1) {
      return `revision ${schedule.revision} of ${schedule.id} follows revision ${last?.revision}`;
    }
    if (last?.spec === specOf(schedule)) return `${last} is made anew by a change of nothing`;
    if (last?.timing === timingOf(schedule)) return this.#amend(last, schedule);
    const recorded = this.#recordedOf(schedule.id);
    const isSameLife = last?.createdMs === schedule.created_at.getTime();
    const segment = new Segment(schedule, recorded, isSameLife ? last.life : { claimed: 0 });
    if (segment.fromMs < nowMs || segment.fromMs > nowMs + CLOCK_TOLERANCE_MS + row.length + 10) {
      return `${segment} takes effect at another time than now, ${seconds(nowMs)}`;
    }
    // What a clock that was set back has not reached yet is not owed by what was replaced.
    for (const old of row) old.untilMs = Math.min(old.untilMs, segment.fromMs);
    this.#segments.set(schedule.id, [...row, segment]);
    return null;
  }

  #amend(last: Segment, schedule: Schedule): string | null {
    if (schedule.effective_from.getTime() !== last.fromMs) return `${last} is superseded by the same timing`;
    last.revision = schedule.revision;
    last.policy = schedule.policy;
    // Whatever fell due by any clock while it was completed.
    // What fell due while it was completed is not owed, by whatever the clock showed before it was set back.
    const atMs = schedule.updated_at.getTime();
    const isSetBack = this.#latestMs - atMs > CLOCK_TOLERANCE_MS;
    if (last.isExhausted) last.forgive(isSetBack ? this.#latestMs : atMs);
    last.amendedMs = schedule.updated_at.getTime();
    last.maxRuns = schedule.max_runs ?? Infinity;
    last.spec = specOf(schedule);
    return null;
  }

  remove(id: string): void {
    this.#segments.delete(id);
  }

  current(id: string): Segment | undefined {
    return this.#segments.get(id)?.at(-1);
  }

  /** A run record was stored. Says what is wrong with it. */
  record(run: Run): string | null {
    const row = this.#segments.get(run.schedule_id) ?? [];
    const { schedule_revision: revision } = run;
    const segment = row.find((one) => one.firstRevision <= revision && revision <= one.revision);
    if (segment === undefined) return `there is no revision ${revision} of it (G4)`;
    const current = row.at(-1);
    if (run.reason === 'superseded' && segment === current) return `${segment} is in force: not superseded`;
    if (run.reason !== 'superseded' && revision !== current?.revision) {
      return `${segment} is no longer in force (G4)`;
    }
    const sinceMs = run.since.getTime();
    const throughMs = run.scheduled_for.getTime();
    const recorded = this.#recorded.get(run.schedule_id) as Set<number>;
    if (recorded.has(throughMs)) return `${segment} has a record already (G1): ${seconds(throughMs)}`;
    recorded.add(throughMs);
    let count = 0;
    for (let atMs = sinceMs; atMs <= throughMs; atMs = segment.after(atMs)) {
      const wrong = segment.settle(atMs);
      if (wrong !== null) return `${segment} ${wrong}: ${seconds(atMs)}`;
      count++;
    }
    this.settled += count;
    // Only a claimed run gives way to the next one, before it has begun.
    const gaveWay = run.overlap === 'replace' && run.reason === 'overlap';
    const tooMany = run.state === 'claimed' || gaveWay ? segment.claim() : null;
    if (tooMany !== null) return `${segment} ${tooMany}`;
    const second = run.state === 'claimed' ? this.#run(run) : null;
    if (second !== null) return second;
    return count === run.count ? null : `it stands for ${count} occurrences and says ${run.count}`;
  }

  /** A backfill has made a run. Says what is wrong with that. */
  backfilled(run: Run, again: boolean): string | null {
    const atMs = run.scheduled_for.getTime();
    const owing = this.#segments.get(run.schedule_id)?.find((segment) => segment.owes(atMs));
    if (owing !== undefined) return `${owing} owes it, and the leader has not settled it`;
    if (again) return null;
    this.#recordedOf(run.schedule_id).add(atMs);
    return run.state === 'claimed' ? this.#run(run) : null;
  }

  /** An occurrence gets its run. Says what is wrong with that. */
  #run({ schedule_id, scheduled_for }: Run): string | null {
    const ran = this.#ran.get(schedule_id) ?? new Set<number>();
    this.#ran.set(schedule_id, ran);
    if (ran.has(scheduled_for.getTime())) return 'the occurrence has had a run (G1)';
    ran.add(scheduled_for.getTime());
    return null;
  }

  /** A run was skipped in the end, before an attempt began. */
  notRun({ schedule_id, scheduled_for }: Run): void {
    this.#ran.get(schedule_id)?.delete(scheduled_for.getTime());
  }

  #recordedOf(scheduleId: string): Set<number> {
    const recorded = this.#recorded.get(scheduleId) ?? new Set<number>();
    this.#recorded.set(scheduleId, recorded);
    return recorded;
  }

  /** Nothing is owed any more up to this moment. */
  forgive(throughMs: number): void {
    for (const row of this.#segments.values()) for (const segment of row) segment.forgive(throughMs);
  }

  /** Something that is owed by what the mark of its schedule says, and not settled. */
  unsettled(markOf: (scheduleId: string) => Mark): string | null {
    for (const [id, row] of this.#segments) {
      const { claimedThroughMs, mirroredThroughMs } = markOf(id);
      for (const segment of row) {
        if (segment.writtenMs > mirroredThroughMs) break;
        // A leader that does not know that the limit was raised takes it for completed.
        if (segment.amendedMs > mirroredThroughMs) continue;
        const atMs = segment.unsettled(claimedThroughMs);
        if (atMs !== null) return `${segment} owes ${seconds(atMs)}`;
      }
    }
    return null;
  }
}

function timingOf({ type, definition, start_at, end_at, paused, pause_until }: Schedule): string {
  return JSON.stringify([type, definition, start_at, end_at, paused, pause_until]);
}

function specOf(schedule: Schedule): string {
  const { name, tags, pause_reason, jitter, max_runs, delete_after, action, policy, history } = schedule;
  const rest = [name, tags, pause_reason, jitter, max_runs, delete_after, action, policy, history];
  return JSON.stringify([timingOf(schedule), ...rest]);
}
