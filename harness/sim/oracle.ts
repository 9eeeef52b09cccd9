/**
 * The oracle: it sees every effect on the store at the moment at which it happens, keeps its own books, and
 * knows nothing of how the product comes to its decisions. The first thing that is wrong ends the simulation.
 */
import type { Lease } from '../../src/domain/leadership/lease.ts';
import { CLOCK_TOLERANCE_MS } from '../../src/domain/leadership/setBack.ts';
import { markOf } from '../../src/domain/leadership/watermark.ts';
import { OPEN_STATES, type Run } from '../../src/domain/runs/run.ts';
import type { Schedule } from '../../src/domain/schedules/schedule.ts';
import type { SimDatabase } from './database.ts';
import { Ledger } from './ledger.ts';
import { checkRules } from './rules.ts';
import { seconds, type Trace } from './trace.ts';

/** A process as the oracle knows it. */
export interface Witness {
  name: string;
  boot: string;
  lives: boolean;
  /** Whether it would act as leader now. */
  trusts(): boolean;
  /** How far its idea of the server's clock may be off, ms. */
  clockErrorMs(): number;
}

/** An adoption whose answer is lost is sent again until there is one: as long as a way to the store is bad. */
const ADOPTED_WITHIN_MS = 30_000;

/** An attempt that begins so long after the claim, or the last word of the store, that it may be another's by now. */
const LATEST_START_MS = 2000;

/** Who has announced itself within this lives, and keeps its runs. */
const DEAD_AFTER_MS = 5000;

export class Oracle {
  violation: string | null = null;
  readonly ledger = new Ledger();
  readonly #db: SimDatabase;
  readonly #trace: Trace;
  readonly #witnesses: () => readonly Witness[];
  readonly #executed = new Set<string>();
  /** When another executor took over from an attempt; true time. */
  readonly #takenMs = new Map<string, number>();
  /** Claimed runs without an outcome. */
  readonly #open = new Map<string, { boot: string | null; attempt: number }>();
  /** When each boot announced itself last, true time. */
  readonly #seenMs = new Map<string, number>();
  /** When a boot was last heard of again after it had been silent for so long that it counted as dead. */
  readonly #backMs = new Map<string, number>();
  /** How the others ended. */
  readonly #ended = new Map<string, string>();
  readonly #leaseMs: number;
  readonly #trueMs: () => number;
  #lease: Lease | null = null;
  /** When the lease was renewed last, true time. */
  #renewedMs = -Infinity;
  /** The earliest that the server's clock has shown since the present term began, or its beginning. */
  #beganMs = 0;
  /** When the server's clock was set forward last, true time. */
  setForwardMs = -Infinity;
  /** When the lease was made the last time, true time. */
  #madeMs = -Infinity;
  /** The last term of each boot. */
  readonly #lastTerms = new Map<string, number>();
  #changesSeen = 0;
  claims = 0;
  requests = 0;
  terms = 0;
  preemptions = 0;

  constructor(
    db: SimDatabase,
    trace: Trace,
    witnesses: () => readonly Witness[],
    leaseMs: number,
    trueMs: () => number,
  ) {
    this.#trueMs = trueMs;
    this.#leaseMs = leaseMs;
    this.#db = db;
    this.#trace = trace;
    this.#witnesses = witnesses;
  }

  fail(sentence: string): void {
    if (this.violation !== null) return;
    this.violation = sentence;
    this.#trace.note('ORACLE', sentence);
  }

  /** Something has taken effect on the store. */
  observe(who: Witness | null, op: string): void {
    this.#beganMs = Math.min(this.#beganMs, this.#db.nowMs());
    this.#observeSchedules();
    const runs = this.#db.takeInserted();
    if (op === 'runs.request') { for (const run of runs) this.#requested(run, who); }
    else {
      if (runs.length > 0) this.#trace.note(`${who?.name}`, `claims ${runs.map(summary).join(', ')}`);
      for (const run of runs) this.#inserted(run, op, who);
    }
    if (this.#db.lease !== this.#lease) this.#leaseChanged(who, op);
    if (op === 'presence.announce' && who) this.#observeHeartbeat(who.boot);
    if (op === 'presence.leave' && who) this.#seenMs.delete(who.boot);
    if (op === 'runs.adopt') this.#observeAdoptions(who);
    if (op === 'runs.record') this.#observeOutcomes(who);
  }

  #observeSchedules(): void {
    const { changes } = this.#db;
    if (changes.end === this.#changesSeen) return;
    for (const change of changes.since(this.#changesSeen) ?? []) {
      if (change.kind === 'delete') this.ledger.remove(change.id);
      if (change.kind !== 'upsert') continue;
      const wrong = this.ledger.define(change.schedule, this.#db.nowMs());
      if (wrong !== null) this.fail(`A definition took effect out of order: ${wrong}.`);
    }
    this.#changesSeen = changes.end;
  }

  /** Nobody's yet: it is in the books from now on, and has to come to an end. */
  #requested(run: Run, who: Witness | null): void {
    this.#trace.note(`${who?.name}`, `stores the request ${run.id}`);
    if (run.state !== 'claimed' || run.attempt !== 0 || run.executor_boot !== null) {
      this.fail(`${run.id} was requested and is in somebody's hands.`);
    }
    this.requests++;
    this.#open.set(run.id, { boot: run.executor_boot, attempt: 0 });
  }

  /** A request was answered with success. */
  promised(run: Run): void {
    if (!this.#db.run(run.id)) this.fail(`${run.id} was promised, and is not stored.`);
  }

  #inserted(run: Run, op: string, who: Witness | null): void {
    const what = `${run.id} (${run.state})`;
    const { lease } = this.#db;
    if (op !== 'claims.claim' || who === null) return this.fail(`${what} was stored by ${op}.`);
    if (lease?.boot !== run.executor_boot || lease.term !== run.term || who.boot !== run.executor_boot) {
      this.fail(`G3: ${who.name} claimed ${what} under term ${run.term}; the lease is ${lease?.holder}'s.`);
    }
    const segment = this.ledger.current(run.schedule_id);
    const wrong = this.ledger.record(run) ?? checkRules(run, segment, this.#began(who), this.#leaseMs);
    if (wrong !== null) this.fail(`${what} by ${who.name}: ${wrong}.`);
    const earlyMs = run.scheduled_for.getTime() - this.#db.nowMs() -
      Math.min(who.clockErrorMs(), CLOCK_TOLERANCE_MS);
    if (earlyMs > 0) this.fail(`G6: ${what} by ${who.name} is ${earlyMs.toFixed(1)} ms too early.`);
    if (run.state !== 'claimed') return;
    this.claims++;
    this.#open.set(run.id, { boot: run.executor_boot, attempt: run.attempt });
  }

  #leaseChanged(who: Witness | null, op: string): void {
    const before = this.#lease;
    const after = this.#db.lease;
    this.#lease = after;
    if (after === null) return;
    const lost = this.ledger.unsettled((id) => markOf(after.watermark, id));
    if (lost !== null) {
      const passed = seconds(after.watermark.claimedThroughMs);
      this.fail(`G2: by ${op} of ${who?.name} the watermark passed ${passed}; ${lost}.`);
    }
    if (op === 'store.prepare') return this.#leaseMade(after, who);
    if (before === null) return;
    if (after.term !== before.term) this.#termBegan(before, after, who);
    if (after.renewed_at !== before.renewed_at) this.#renewedMs = this.#trueMs();
    const [old, mark] = [before.watermark, after.watermark];
    if (mark.claimedThroughMs < old.claimedThroughMs || mark.mirroredThroughMs < old.mirroredThroughMs) {
      this.fail(`The watermark went back, by ${op} of ${who?.name}.`);
    }
  }

  /** It was deleted, and goes on from an older watermark, maybe; whoever led does not know of it yet. */
  #leaseMade({ term }: Lease, who: Witness | null): void {
    this.#trace.note(`${who?.name}`, `makes the lease, after term ${term}`);
    this.#madeMs = this.#trueMs();
  }

  /**
   * When the present term began, by the server's clock as the leader may know it: a leader that has not heard yet that
   * the clock was set back goes by what it was.
   */
  #began(who: Witness): { earliestMs: number; latestMs: number } {
    const acquiredMs = this.#db.lease?.acquired_at?.getTime() ?? 0;
    const knows = who.clockErrorMs() < 1000;
    const latestMs = knows ? Math.min(acquiredMs, this.#beganMs + 2500) : acquiredMs;
    return { earliestMs: Math.min(acquiredMs, this.#beganMs), latestMs };
  }

  #termBegan(before: Lease, after: Lease, who: Witness | null): void {
    this.terms++;
    if (after.began_by === 'pre-empted') this.preemptions++;
    if (after.term <= before.term) this.fail(`Term ${after.term} followed ${before.term}.`);
    const boot = after.boot as string;
    if (after.term <= (this.#lastTerms.get(boot) ?? 0)) {
      this.fail(`${who?.name} got term ${after.term} once more.`);
    }
    this.#lastTerms.set(boot, after.term);
    const isRemade = this.#trueMs() - this.#madeMs < this.#leaseMs;
    if (after.term !== before.term + 1 && this.#madeMs === -Infinity) {
      this.fail(`Term ${after.term} followed ${before.term}.`);
    }
    this.#beganMs = this.#db.nowMs();
    const ranOut = this.#trueMs() - this.#renewedMs >= this.#leaseMs;
    const isOver = before.expires_at.getTime() <= this.#db.nowMs();
    const free = before.released_at !== null || isOver || ranOut;
    const isDead = !this.#witnesses().some((other) => other.boot === before.boot && other.lives);
    if (!free && before.boot !== after.boot && !isDead) {
      this.fail(`${who?.name} took the lease, which was ${before.holder}'s and not over.`);
    }
    for (const other of this.#witnesses()) {
      // A server's clock that was set forward ends the lease earlier than its holder can know.
      const wasCutShort = this.#trueMs() - this.setForwardMs < this.#leaseMs;
      if (other.boot !== after.boot && other.trusts() && !wasCutShort && !isRemade) {
        this.fail(`G5: ${who?.name} begins term ${after.term}, and ${other.name} still trusts in its own.`);
      }
    }
  }

  /** A change was answered with success: what it made, or removed, is in force, or not any more. */
  acknowledged(op: string, schedule: Schedule): void {
    const current = this.ledger.current(schedule.id);
    if (current === undefined || current.createdMs !== schedule.created_at.getTime()) return;
    if (current.revision < schedule.revision || op === 'remove') {
      this.fail(`${op} of ${schedule.id} was answered with success, and ${current} is in force.`);
    }
  }

  /** An attempt begins. */
  executes(who: Pick<Witness, 'name' | 'boot'>, run: Run): void {
    const key = `${run.id} attempt ${run.attempt}`;
    this.#trace.mix(who.name, `executes ${key}`);
    const stored = this.#db.run(run.id);
    if (!stored) return this.fail(`${who.name} executes ${key}, which is not durable.`);
    if (this.#executed.has(key)) this.fail(`G1: ${who.name} executes ${key} a second time.`);
    if (stored.executor_boot !== who.boot && stored.attempt <= run.attempt) {
      this.fail(`G1: ${who.name} executes ${key}, which is ${stored.executor}'s.`);
    }
    const sinceMs = this.#trace.nowMs() - (this.#takenMs.get(key) ?? Infinity);
    if (sinceMs > LATEST_START_MS + 1) {
      this.fail(`G7: ${who.name} begins ${key}, which was taken from it ${sinceMs} ms ago.`);
    }
    this.#executed.add(key);
  }

  #observeOutcomes(who: Witness | null): void {
    for (const id of this.#open.keys()) {
      const stored = this.#db.run(id);
      if (stored && OPEN_STATES.includes(stored.state)) continue;
      if (!stored) this.fail(`${id} has vanished.`);
      else if (!this.#executed.has(`${id} attempt ${stored.attempt}`)) {
        this.fail(`${id} ended without execution.`);
      } else if (stored.executor_boot !== who?.boot) {
        this.fail(
          `G3: ${who?.name} ended ${id}, which is ${stored.executor_boot}'s (attempt ${stored.attempt}).`,
        );
      }
      this.#open.delete(id);
      this.#ended.set(id, `${stored?.state} attempt ${stored?.attempt}`);
    }
  }

  #observeHeartbeat(boot: string): void {
    const nowMs = this.#trueMs();
    if (nowMs - (this.#seenMs.get(boot) ?? nowMs) >= DEAD_AFTER_MS) this.#backMs.set(boot, nowMs);
    this.#seenMs.set(boot, nowMs);
  }

  /** How long ago it was for this boot, ms; Infinity if it never was. */
  #sinceMs(times: ReadonlyMap<string, number>, boot: string | null): number {
    return this.#trueMs() - (boot === null ? -Infinity : times.get(boot) ?? -Infinity);
  }

  #observeAdoptions(who: Witness | null): void {
    for (const [id, held] of this.#open) {
      const stored = this.#db.run(id) as Run;
      const { executor_boot: boot, attempt, state } = stored;
      if (boot === held.boot && attempt === held.attempt && OPEN_STATES.includes(state)) continue;
      const silentMs = this.#sinceMs(this.#seenMs, held.boot);
      this.#trace.note(`${who?.name}`, `adopts ${id} of ${held.boot}: ${state} attempt ${attempt}`);
      // One that comes back between the decision and the write still loses its run: both count, one outcome does.
      const backMs = this.#sinceMs(this.#backMs, held.boot);
      if (silentMs < DEAD_AFTER_MS && backMs > ADOPTED_WITHIN_MS) {
        this.fail(`G7: ${id} was taken from ${held.boot}, seen ${silentMs} ms ago.`);
      }
      this.#takenMs.set(`${id} attempt ${held.attempt}`, this.#trace.nowMs());
      if (state === 'abandoned') {
        this.#open.delete(id);
        this.#ended.set(id, `abandoned attempt ${attempt}`);
      } else if (boot === who?.boot && attempt === held.attempt + 1) {
        this.#open.set(id, { boot, attempt });
      } else this.fail(`G7: ${id} was adopted as attempt ${attempt} of ${boot} by ${who?.name}.`);
    }
  }

  /** Runs that were claimed and have no end. */
  unended(): Run[] {
    return [...this.#open.keys()].flatMap((id) => this.#db.run(id) ?? []);
  }

  /** The end of every run is the one that was recorded first. */
  checkEnds(): void {
    for (const [id, end] of this.#ended) {
      const stored = this.#db.run(id);
      const now = stored ? `${stored.state} attempt ${stored.attempt}` : 'gone';
      if (now !== end) this.fail(`${id} had ended as ${end}, and is ${now}.`);
    }
  }
}

/** A stored run, for the trace. */
function summary({ schedule_id, scheduled_for, state, count, term }: Run): string {
  const what = state === 'claimed' ? `term ${term}` : `${state} × ${count}`;
  return `${schedule_id}@${seconds(scheduled_for.getTime())} (${what})`;
}
