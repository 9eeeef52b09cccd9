/**
 * The oracle's book of runs: it sees each after every effect on the store, and holds every change of it against
 * the rules, which it knows by itself. One life for all runs: claimed or requested, taken, attempted, retried,
 * taken from a dead executor, ended.
 */
import { parseDuration } from '../../src/domain/timing/duration.ts';
import { OPEN_STATES, type Run } from '../../src/domain/runs/run.ts';
import { ExecutorBook } from './executorBook.ts';
import type { Witness } from './oracle.ts';
import { OverlapBook } from './overlapBook.ts';
import type { SimDatabase } from './database.ts';
import type { Trace } from './trace.ts';

/** An attempt that begins so long after it was the store's last word may be another's by now. */
const LATEST_START_MS = 2000;
const MAX_LOSSES = 3;

/** A run as it was when last seen. */
interface Entry {
  boot: string | null;
  attempt: number;
  waiting: Run['waiting_for'];
  failures: number;
  losses: number;
  isLast: boolean;
  wasCancelled: boolean;
}

export class RunBook {
  readonly #db: SimDatabase;
  readonly #trace: Trace;
  readonly #fail: (sentence: string) => void;
  readonly #notRun: (run: Run) => void;
  readonly overlaps: OverlapBook;
  readonly executors: ExecutorBook;
  readonly #open = new Map<string, Entry>();
  /** How the others ended. */
  readonly #ended = new Map<string, string>();
  readonly #executed = new Set<string>();
  /** When an attempt was taken from its executor; true time. */
  readonly #takenMs = new Map<string, number>();
  retries = 0;
  takings = 0;
  replacements = 0;
  cancellations = 0;
  losses = 0;

  constructor(
    db: SimDatabase,
    trace: Trace,
    fail: (sentence: string) => void,
    notRun: (run: Run) => void,
  ) {
    this.#db = db;
    this.#trace = trace;
    this.#fail = fail;
    this.#notRun = notRun;
    this.overlaps = new OverlapBook(db, fail);
    this.executors = new ExecutorBook(trace.nowMs, fail);
  }

  /** A run was stored, claimed or requested. */
  opened(run: Run): void {
    const { id, executor_boot: boot, attempt, waiting_for: waiting } = run;
    if ((boot === null) !== (waiting !== null)) {
      this.#fail(`${id} belongs to ${boot} and waits for ${waiting}.`);
    }
    if (attempt !== (boot === null ? 0 : 1)) this.#fail(`${id} begins with attempt ${attempt}.`);
    if (run.overlap !== null && waiting !== 'overlap') this.overlaps.begins(run, 'begins');
    this.#keep(run);
  }

  /** Something has taken effect that may have changed these runs. */
  observe(changed: Iterable<string>, op: string, who: Witness | null): void {
    for (const id of changed) {
      const before = this.#open.get(id);
      if (before === undefined) continue;
      const run = this.#db.run(id);
      if (!run) {
        this.#fail(`${id} has vanished.`);
        this.executors.count(before.boot, -1);
        this.#open.delete(id);
        continue;
      }
      if (isAsBefore(run, before)) continue;
      this.#changed(run, before, op, who);
      if (OPEN_STATES.includes(run.state)) this.#keep(run);
      else {
        this.executors.count(before.boot, -1);
        this.#open.delete(id);
        this.#ended.set(id, endOf(run));
      }
    }
    if (op === 'schedules.remove') { for (const run of this.unended()) this.#checkWaiting(run, op); }
    if (who !== null) this.executors.checkPlaces(who);
  }

  /** Remembers the run as it is now. */
  #keep(run: Run): void {
    this.executors.count(this.#open.get(run.id)?.boot ?? null, -1);
    this.#open.set(run.id, entryOf(run));
    this.executors.count(run.executor_boot, 1);
  }

  /** What waits belongs to a schedule that is there. */
  #checkWaiting(run: Run, what: string): void {
    const schedule = this.#db.schedules.get(run.schedule_id);
    const isThere = schedule?.created_at.getTime() === run.schedule_created_at?.getTime();
    if (run.waiting_for !== null && !isThere) {
      this.#fail(`${run.id} waits after ${what}, and its schedule is deleted.`);
    }
  }

  #changed(run: Run, before: Entry, op: string, who: Witness | null): void {
    const what = `${run.id} (${op} by ${who?.name})`;
    const isOpen = OPEN_STATES.includes(run.state);
    if (isOpen && (run.executor_boot === null) !== (run.waiting_for !== null)) {
      this.#fail(`${what} belongs to ${run.executor_boot} and waits for ${run.waiting_for}.`);
    }
    if (isOpen) this.#checkWaiting(run, op);
    if (op === 'runs.record') return this.#recorded(run, before, what, who);
    if (op === 'schedules.remove') return this.#removed(run, before, what);
    const isOfTurns = ['claims.claim', 'runs.request', 'runs.passTurns', 'backfills.advance'].includes(op);
    if (isOfTurns) return this.#overlapped(run, before, what);
    if (op !== 'runs.change' && op !== 'backfills.cancel') return this.#fail(`${what} was changed.`);
    if (run.reason === 'requested' && !before.isLast) return this.#cancelled(run, before, what);
    if (before.boot === null && run.executor_boot !== null) return this.#taken(run, before, what, who);
    if (before.boot === null) return this.#fail(`${what} is ${run.state}, and nobody had it.`);
    if (before.boot === who?.boot && run.executor_boot === null && run.attempt === before.attempt - 1) {
      if (this.#executed.has(key(run.id, before.attempt))) {
        this.#fail(`${what} was handed back, and has begun.`);
      }
      return;
    }
    this.#lost(run, { ...before, boot: before.boot }, what);
  }

  #cancelled(run: Run, before: Entry, what: string): void {
    this.cancellations++;
    const isRight = before.boot === null ? run.state === 'cancelled' : run.is_last_attempt;
    if (!isRight || run.executor_boot !== before.boot) {
      this.#fail(`${what} is ${run.state} after a cancellation.`);
    }
  }

  #taken(run: Run, before: Entry, what: string, who: Witness | null): void {
    this.takings++;
    if (run.executor_boot !== who?.boot) this.#fail(`${what} was taken for ${run.executor_boot}.`);
    if (run.attempt !== before.attempt + 1) {
      this.#fail(`${what} goes from ${before.attempt} to ${run.attempt}.`);
    }
    const earlyMs = run.available_at.getTime() - this.#db.nowMs() - (who?.clockErrorMs(LATEST_START_MS) ?? 0);
    if (earlyMs > 0) this.#fail(`${what} was taken ${earlyMs.toFixed(1)} ms before it is available.`);
    if (before.waiting === 'overlap') this.#fail(`${what} was taken before its turn.`);
  }

  #recorded(run: Run, before: Entry, what: string, who: Witness | null): void {
    const { retry } = run.work!.policy;
    const attempt = key(run.id, before.attempt);
    if (before.boot !== who?.boot) {
      this.#fail(`G3: ${what} was ${before.boot}'s (attempt ${before.attempt}).`);
    }
    if (!this.#executed.has(attempt) && run.state !== 'cancelled') {
      this.#fail(`${what} has an outcome without execution.`);
    }
    if (run.executor_boot !== null && OPEN_STATES.includes(run.state)) return this.#fail(`${what} goes on.`);
    const failed = ['failed', 'timed_out', 'retrying'].includes(run.state);
    const failures = before.failures + (failed ? 1 : 0);
    if (run.failures !== failures) {
      this.#fail(`${what} has failed ${failures} times, and says ${run.failures}.`);
    }
    if (run.state === 'retrying') {
      this.retries++;
      if (before.isLast) this.#fail(`${what} is tried again, and was to end with its attempt.`);
      if (failures >= retry.max_attempts) this.#fail(`${what} is tried again after ${failures} failures.`);
      const endedMs = run.attempts.at(-1)!.finished_at.getTime();
      const latestMs = endedMs + parseDuration(retry.max_backoff);
      const availableMs = run.available_at.getTime();
      if (availableMs < endedMs || availableMs > latestMs) {
        this.#fail(`${what} is available for a retry at ${availableMs}.`);
      }
    } else if (failed && failures < retry.max_attempts && !before.isLast) {
      this.#fail(`${what} is given up after ${failures} failures.`);
    }
  }

  /** A claim, a request or the passing of turns touches the other runs of a schedule. */
  #overlapped(run: Run, before: Entry, what: string): void {
    if (before.waiting === 'overlap' && run.waiting_for === 'place') return this.overlaps.turn(run, what);
    if (before.attempt === 0 && run.state === 'skipped' && run.reason === 'overlap') {
      return this.#notRun(run);
    }
    if (run.reason !== 'replaced') return this.#fail(`${what} is ${run.state}, ${run.reason}.`);
    this.replacements++;
    if (run.state !== 'cancelled' && !run.is_last_attempt) this.#fail(`${what} is replaced, and goes on.`);
    if (run.state === 'cancelled') this.#takenMs.set(key(run.id, before.attempt), this.#trace.nowMs());
  }

  #removed(run: Run, before: Entry, what: string): void {
    if (before.boot === null) {
      if (run.state !== 'cancelled' || run.reason !== 'schedule_deleted') {
        this.#fail(`${what} is ${run.state}, ${run.reason}, and its schedule is deleted.`);
      }
    } else if (run.executor_boot !== before.boot || !run.is_last_attempt) {
      this.#fail(`${what} was taken from its executor by a deletion.`);
    }
  }

  #lost(run: Run, before: Entry & { boot: string }, what: string): void {
    this.losses++;
    this.executors.checkDead(before.boot, what);
    this.#takenMs.set(key(run.id, before.attempt), this.#trace.nowMs());
    const isOver = run.work!.policy.on_executor_loss === 'abandon' || before.losses + 1 >= MAX_LOSSES ||
      before.isLast;
    if (isOver !== !OPEN_STATES.includes(run.state)) {
      this.#fail(`${what} is ${run.state} after ${before.losses + 1} losses.`);
    }
    if (run.losses !== before.losses + 1) this.#fail(`${what} was lost, and counts ${run.losses} losses.`);
    if (run.attempt !== before.attempt || run.failures !== before.failures) {
      this.#fail(`${what} counts a lost executor as an attempt that failed.`);
    }
  }

  /** An attempt begins. */
  executes(who: Pick<Witness, 'name' | 'boot'>, run: Run): void {
    const attempt = key(run.id, run.attempt);
    const stored = this.#db.run(run.id);
    if (!stored) return this.#fail(`${who.name} executes ${attempt}, which is not durable.`);
    if (this.#executed.has(attempt)) this.#fail(`G1: ${who.name} executes ${attempt} a second time.`);
    const sinceMs = this.#trace.nowMs() - (this.#takenMs.get(attempt) ?? Infinity);
    if (sinceMs > LATEST_START_MS + 1) {
      this.#fail(`G7: ${who.name} begins ${attempt}, which was taken from it ${sinceMs} ms ago.`);
    }
    if (stored.executor_boot !== who.boot && sinceMs === -Infinity) {
      this.#fail(`G1: ${who.name} executes ${attempt}, which is ${stored.executor}'s.`);
    }
    this.#executed.add(attempt);
  }

  /** Runs without an end. */
  unended(): Run[] {
    return [...this.#open.keys()].flatMap((id) => this.#db.run(id) ?? []);
  }

  /** The end of every run is the one that was recorded first. */
  checkEnds(): void {
    for (const [id, end] of this.#ended) {
      const stored = this.#db.run(id);
      const now = stored ? endOf(stored) : 'gone';
      if (now !== end) this.#fail(`${id} had ended as ${end}, and is ${now}.`);
    }
  }
}

function key(runId: string, attempt: number): string {
  return `${runId} attempt ${attempt}`;
}

function endOf({ state, attempt }: Run): string {
  return `${state} attempt ${attempt}`;
}

function entryOf(run: Run): Entry {
  return {
    boot: run.executor_boot,
    attempt: run.attempt,
    waiting: run.waiting_for,
    failures: run.failures,
    losses: run.losses,
    isLast: run.is_last_attempt,
    wasCancelled: run.is_last_attempt && run.reason !== null,
  };
}

function isAsBefore(run: Run, before: Entry): boolean {
  return OPEN_STATES.includes(run.state) && run.executor_boot === before.boot &&
    run.attempt === before.attempt && run.waiting_for === before.waiting &&
    run.is_last_attempt === before.isLast;
}
