/**
 * The oracle: sees every effect on the store as it happens, and checks it against records of its own, without
 * the product's code for decisions. The first violation ends the simulation.
 */
import { type Lease } from '../../src/domain/leadership/lease.ts';
import { markOf } from '../../src/domain/leadership/watermark.ts';
import { CLOCK_TOLERANCE_MS } from '../../src/domain/leadership/setBack.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import type { Schedule } from '../../src/domain/schedules/schedule.ts';
import type { SimDatabase } from './database.ts';
import { BackfillBook } from './backfillBook.ts';
import { Ledger } from './ledger.ts';
import { LifeBook } from './lifeBook.ts';
import { checkRules } from './rules.ts';
import { RunBook } from './runBook.ts';
import { seconds, type Trace } from './trace.ts';

/** A process as the oracle knows it. */
export interface Witness {
  name: string;
  boot: string;
  /** Runs that it may hold at a time. */
  places: number;
  lives: boolean;
  /** Whether it would act as leader now: its trust window is open. */
  trusts(): boolean;
  /** The possible error of its estimate of the server's clock, ms. */
  clockErrorMs(agoMs?: number): number;
}

/** A lease document that has to be made from records reaches back so far (docs/protocol.md, "Deleted documents"). */
const RECOVERED_MS = 60_000;

/** Calls that may change runs that exist. */
const CHANGES_RUNS = [
  'runs.change',
  'runs.record',
  'runs.recordStarts',
  'schedules.remove',
  'claims.claim',
  'runs.request',
  'runs.passTurns',
  'backfills.advance',
  'backfills.cancel',
];

export class Oracle {
  violation: string | null = null;
  readonly ledger = new Ledger();
  readonly lives: LifeBook;
  readonly runs: RunBook;
  readonly backfills: BackfillBook;
  readonly #db: SimDatabase;
  readonly #trace: Trace;
  readonly #witnesses: () => readonly Witness[];
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
  ) {
    this.#trueMs = trace.nowMs;
    this.#leaseMs = leaseMs;
    this.#db = db;
    this.#trace = trace;
    this.#witnesses = witnesses;
    this.lives = new LifeBook(db, (sentence) => this.fail(sentence));
    this.runs = new RunBook(
      db,
      trace,
      (sentence) => this.fail(sentence),
      (run) => this.ledger.notRun(run),
    );
    this.backfills = new BackfillBook(db, this.ledger, (sentence) => this.fail(sentence));
  }

  fail(sentence: string): void {
    if (this.violation !== null) return;
    this.violation = sentence;
    this.#trace.note('ORACLE', sentence);
  }

  /** Something has taken effect on the store. */
  observe(who: Witness | null, op: string): void {
    this.#beganMs = Math.min(this.#beganMs, this.#db.nowMs());
    this.ledger.tick(this.#db.nowMs());
    this.#observeSchedules();
    const runs = this.#db.takeInserted();
    for (const run of runs) this.lives.begins(run);
    if (op === 'runs.request') { for (const run of runs) this.#requested(run, who); }
    else if (op === 'backfills.advance') { for (const run of runs) this.#backfilled(run, who); }
    else {
      if (runs.length > 0) this.#trace.note(`${who?.name}`, `claims ${runs.map(summary).join(', ')}`);
      for (const run of runs) this.#inserted(run, op, who);
    }
    if (this.#db.lease !== this.#lease) this.#leaseChanged(who, op);
    if (op === 'presence.announce' && who) this.runs.executors.announced(who.boot);
    if (op === 'presence.leave' && who) this.runs.executors.left(who.boot);
    if (CHANGES_RUNS.includes(op)) {
      const changed = this.#db.takeChanged();
      this.lives.observe(changed, op);
      this.runs.observe(changed, op, who);
    }
    this.backfills.observe(op, who);
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

  /** A manual run is stored. It has no executor yet, and must end. */
  #requested(run: Run, who: Witness | null): void {
    this.#trace.note(`${who?.name}`, `stores the request ${run.id}`);
    if (run.reason === 'overlap') return this.runs.overlaps.skipped(run);
    if (run.state !== 'claimed' || run.attempt !== 0 || run.executor_boot !== null) {
      this.fail(`${run.id} was requested, and has an executor already.`);
    }
    this.requests++;
    this.runs.opened(run);
  }

  /** A backfill has made a run. */
  #backfilled(run: Run, who: Witness | null): void {
    this.#trace.note(`${who?.name}`, `backfills ${run.id} (${run.state})`);
    this.backfills.made(run);
    if (run.reason === 'overlap') return this.runs.overlaps.skipped(run);
    this.runs.opened(run);
  }

  /** A request was answered with success. */
  promised(run: Run): void {
    if (!this.#db.run(run.id)) this.fail(`${run.id} was promised, and is not stored.`);
  }

  #inserted(run: Run, op: string, who: Witness | null): void {
    const what = `${run.id} (${run.state})`;
    const { lease } = this.#db;
    if (op !== 'claims.claim' || who === null) return this.fail(`${what} was stored by ${op}.`);
    if (
      lease?.boot !== who.boot || lease.term !== run.term || ![null, who.boot].includes(run.executor_boot)
    ) {
      this.fail(`G3: ${who.name} claimed ${what} under term ${run.term}; the lease is ${lease?.holder}'s.`);
    }
    const segment = this.ledger.current(run.schedule_id);
    const wrong = this.ledger.record(run) ?? checkRules(run, segment, this.#began(who), this.#leaseMs);
    if (wrong !== null) this.fail(`${what} by ${who.name}: ${wrong}.`);
    const earlyMs = run.scheduled_for.getTime() - this.#db.nowMs() -
      Math.min(who.clockErrorMs(), CLOCK_TOLERANCE_MS);
    if (earlyMs > 0) this.fail(`G6: ${what} by ${who.name} is ${earlyMs.toFixed(1)} ms too early.`);
    if (run.reason === 'overlap') this.runs.overlaps.skipped(run);
    if (run.state !== 'claimed') return;
    this.claims++;
    this.runs.opened(run);
  }

  #leaseChanged(who: Witness | null, op: string): void {
    const before = this.#lease;
    const after = this.#db.lease;
    this.#lease = after;
    if (after === null) return;
    if (op === 'store.prepare') this.#leaseMade(after, who);
    const lost = this.ledger.unsettled((id) => markOf(after.watermark, id));
    if (lost !== null) {
      const passed = seconds(after.watermark.claimedThroughMs);
      this.fail(`G2: by ${op} of ${who?.name} the watermark passed ${passed}; ${lost}.`);
    }
    if (op === 'store.prepare' || before === null) return;
    if (after.term !== before.term) this.#termBegan(before, after, who);
    if (after.renewed_at !== before.renewed_at) this.#renewedMs = this.#trueMs();
    const [old, mark] = [before.watermark, after.watermark];
    if (mark.claimedThroughMs < old.claimedThroughMs || mark.mirroredThroughMs < old.mirroredThroughMs) {
      this.fail(`The watermark went back, by ${op} of ${who?.name}.`);
    }
  }

  /** It was deleted. It may go on from an older watermark, and the leader does not know of the deletion yet. */
  #leaseMade({ term }: Lease, who: Witness | null): void {
    this.#trace.note(`${who?.name}`, `makes the lease, after term ${term}`);
    this.#madeMs = this.#trueMs();
    // Known limit: what was owed for longer, by a schedule that was set aside, may be lost with the document.
    this.ledger.forgive(this.#db.nowMs() - RECOVERED_MS);
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

  /** An attempt starts. */
  executes(who: Pick<Witness, 'name' | 'boot'>, run: Run): void {
    this.runs.executes(who, run);
  }
}

/** A stored run, for the trace. */
function summary({ schedule_id, scheduled_for, state, count, term }: Run): string {
  const what = state === 'claimed' ? `term ${term}` : `${state} × ${count}`;
  return `${schedule_id}@${seconds(scheduled_for.getTime())} (${what})`;
}
