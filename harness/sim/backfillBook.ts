/** The oracle's book of backfills: what each may make, in which order, and what it has to have made in the end. */
import type { Backfill } from '../../src/domain/runs/backfill.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import type { SimDatabase } from './database.ts';
import type { Ledger } from './ledger.ts';
import { occurrenceAfter } from './naive.ts';
import type { Witness } from './oracle.ts';

interface Entry {
  state: Backfill['state'];
  /** Nominal time of the last run that it made. */
  lastMs: number;
  /** Runs of its schedule that were open at one of its steps, which passed over them. */
  wereOpen: Set<string>;
}

export class BackfillBook {
  readonly #db: SimDatabase;
  readonly #ledger: Ledger;
  readonly #fail: (sentence: string) => void;
  readonly #entries = new Map<string, Entry>();
  runs = 0;
  completed = 0;

  constructor(db: SimDatabase, ledger: Ledger, fail: (sentence: string) => void) {
    this.#db = db;
    this.#ledger = ledger;
    this.#fail = fail;
  }

  /** A backfill has made a run. */
  made(run: Run): void {
    const { id, backfill_id = '' } = run;
    this.runs++;
    const backfill = this.#db.backfill(backfill_id);
    const entry = this.#entries.get(backfill_id);
    if (backfill === undefined || entry?.state !== 'running') {
      return this.#fail(`${id} was made by the backfill ${backfill_id}, which is ${entry?.state}.`);
    }
    const atMs = run.scheduled_for.getTime();
    const isOccurrence = occurrencesOf(backfill).includes(atMs);
    if (run.trigger !== 'backfill' || !isOccurrence) this.#fail(`${id} is not of ${backfill_id}.`);
    if (atMs <= entry.lastMs) this.#fail(`${id} comes after a later one of ${backfill_id}.`);
    entry.lastMs = atMs;
    if (this.#open(backfill_id).length > backfill.max_concurrent) {
      this.#fail(`${id} is one more than ${backfill.max_concurrent} open runs of ${backfill_id}.`);
    }
    const wrong = this.#ledger.backfilled(run, backfill.again);
    if (wrong !== null) this.#fail(`${id} was made by ${backfill_id}: ${wrong}.`);
  }

  /** Something has taken effect. */
  observe(op: string, who: Witness | null): void {
    if (!op.startsWith('backfills.') && op !== 'schedules.remove') return;
    for (const backfill of this.#db.backfills()) {
      const { id, state } = backfill;
      const before = this.#entries.get(id);
      const entry = before ?? { state, lastMs: -Infinity, wereOpen: new Set() };
      this.#entries.set(id, entry);
      if (state === 'running') this.#noteOpen(backfill, entry);
      if (before === undefined || before.state === state) continue;
      if (before.state !== 'running') this.#fail(`${id} had ended as ${before.state}, and is ${state}.`);
      before.state = state;
      const why = op === 'backfills.cancel' || !this.#hasSchedule(backfill) ? 'cancelled' : 'completed';
      if (state !== why) this.#fail(`${id} is ${state} by ${op} of ${who?.name}.`);
      if (state === 'completed') this.#checkCompleted(backfill);
      else this.#checkCancelled(id);
    }
  }

  #noteOpen({ schedule_id }: Backfill, { wereOpen }: Entry): void {
    for (const run of this.#db.openRuns()) if (run.schedule_id === schedule_id) wereOpen.add(run.id);
  }

  #hasSchedule({ schedule_id, schedule_created_at }: Backfill): boolean {
    return this.#db.schedules.get(schedule_id)?.created_at.getTime() === schedule_created_at.getTime();
  }

  /** Each occurrence has had its run; one that was skipped because of an overlap had its decision. */
  #checkCompleted(backfill: Backfill): void {
    this.completed++;
    const { id, schedule_id, again, total, created, already_run } = backfill;
    const all = occurrencesOf(backfill);
    if (all.length !== total || created + already_run !== total) {
      this.#fail(`${id} has ${created} runs and ${already_run} before it, of ${all.length} (${total}).`);
    }
    if (this.#open(id).length > 0) this.#fail(`${id} is completed, and has open runs.`);
    for (const atMs of all) {
      const own = `${schedule_id}@${new Date(atMs).toISOString()}`;
      const ids = again ? [`${own}~${id}`] : [own, `${own}~backfill`];
      const found = ids.flatMap((one) => this.#db.run(one) ?? []);
      // An open run that the backfill passed over may have been replaced since.
      const wereOpen = this.#entries.get(id)?.wereOpen;
      const isDone = found.some((run) =>
        run.trigger === 'backfill' || !NOT_RUN.includes(run.state) || wereOpen?.has(run.id)
      );
      if (!isDone) this.#fail(`${id} is completed, and ${own} has no run.`);
    }
  }

  /** What waits has ended, and what does not is about to. */
  #checkCancelled(id: string): void {
    const left = this.#open(id).find((run) => run.executor_boot === null || !run.is_last_attempt);
    if (left !== undefined) this.#fail(`${id} is cancelled, and ${left.id} goes on.`);
  }

  #open(id: string): Run[] {
    return this.#db.openRuns().filter(({ backfill_id }) => backfill_id === id);
  }

  /** Those that have not ended. */
  running(): string[] {
    return this.#db.backfills().flatMap(({ id, state }) => state === 'running' ? [id] : []);
  }
}

const NOT_RUN: readonly Run['state'][] = ['missed', 'skipped'];

function occurrencesOf({ rule, from, to }: Backfill): number[] {
  const all: number[] = [];
  const after = (ms: number) => occurrenceAfter(rule, rule.created_at.getTime(), ms) ?? Infinity;
  for (let atMs = after(from.getTime() - 1); atMs < to.getTime(); atMs = after(atMs)) all.push(atMs);
  return all;
}
