/**
 * The oracle's record of attempts: who executes which attempt of which run, who takes runs over from whom, and
 * how each run ends (G1, G3, G7).
 */
import { OPEN_STATES, type Run } from '../../src/domain/runs/run.ts';
import type { SimDatabase } from './database.ts';
import type { Witness } from './oracle.ts';
import type { Trace } from './trace.ts';

/** An adoption without a response is repeated until there is one: for as long as the link is bad. */
const ADOPTED_WITHIN_MS = 30_000;

/**
 * The latest start of an attempt after its claim, or after the store last confirmed it. A later one may belong to
 * another replica by then.
 */
const LATEST_START_MS = 2000;

/** An executor that announced itself this recently is alive, and keeps its runs. */
const DEAD_AFTER_MS = 5000;

export class Attempts {
  readonly #db: SimDatabase;
  readonly #trace: Trace;
  readonly #fail: (sentence: string) => void;
  readonly #executed = new Set<string>();
  /** When another executor took over from an attempt; true time. */
  readonly #takenMs = new Map<string, number>();
  /** Stored runs without an outcome. */
  readonly #open = new Map<string, { boot: string | null; attempt: number }>();
  /** How the others ended. */
  readonly #ended = new Map<string, string>();
  /** When each boot last announced itself, true time. */
  readonly #seenMs = new Map<string, number>();
  /** When a boot last announced itself after a silence that made it count as dead. */
  readonly #backMs = new Map<string, number>();

  constructor(db: SimDatabase, trace: Trace, fail: (sentence: string) => void) {
    this.#db = db;
    this.#trace = trace;
    this.#fail = fail;
  }

  /** A run is stored that remains to be executed. */
  opened({ id, executor_boot: boot, attempt }: Run): void {
    this.#open.set(id, { boot, attempt });
  }

  /** An attempt starts. */
  executes(who: Pick<Witness, 'name' | 'boot'>, run: Run): void {
    const key = `${run.id} attempt ${run.attempt}`;
    this.#trace.mix(who.name, `executes ${key}`);
    const stored = this.#db.run(run.id);
    if (!stored) return this.#fail(`${who.name} executes ${key}, which is not durable.`);
    if (this.#executed.has(key)) this.#fail(`G1: ${who.name} executes ${key} a second time.`);
    if (stored.executor_boot !== who.boot && stored.attempt <= run.attempt) {
      this.#fail(`G1: ${who.name} executes ${key}, which is ${stored.executor}'s.`);
    }
    const sinceMs = this.#trace.nowMs() - (this.#takenMs.get(key) ?? Infinity);
    if (sinceMs > LATEST_START_MS + 1) {
      this.#fail(`G7: ${who.name} begins ${key}, which was taken from it ${sinceMs} ms ago.`);
    }
    this.#executed.add(key);
  }

  announced(boot: string): void {
    const nowMs = this.#trace.nowMs();
    if (nowMs - (this.#seenMs.get(boot) ?? nowMs) >= DEAD_AFTER_MS) this.#backMs.set(boot, nowMs);
    this.#seenMs.set(boot, nowMs);
  }

  left(boot: string): void {
    this.#seenMs.delete(boot);
  }

  /** Runs may have been adopted. */
  observeAdoptions(who: Witness | null): void {
    for (const [id, held] of this.#open) {
      const stored = this.#db.run(id) as Run;
      const { executor_boot: boot, attempt, state } = stored;
      if (boot === held.boot && attempt === held.attempt && OPEN_STATES.includes(state)) continue;
      const silentMs = this.#trace.nowMs() - (this.#seenMs.get(held.boot ?? '') ?? -Infinity);
      this.#trace.note(`${who?.name}`, `adopts ${id} of ${held.boot}: ${state} attempt ${attempt}`);
      // One that comes back between the decision and the write still loses its run: of two attempts, one outcome counts.
      const backMs = this.#trace.nowMs() - (this.#backMs.get(held.boot ?? '') ?? -Infinity);
      if (silentMs < DEAD_AFTER_MS && backMs > ADOPTED_WITHIN_MS) {
        this.#fail(`G7: ${id} was taken from ${held.boot}, seen ${silentMs} ms ago.`);
      }
      this.#takenMs.set(`${id} attempt ${held.attempt}`, this.#trace.nowMs());
      if (state === 'abandoned') {
        this.#open.delete(id);
        this.#ended.set(id, `abandoned attempt ${attempt}`);
      } else if (boot === who?.boot && attempt === held.attempt + 1) {
        this.#open.set(id, { boot, attempt });
      } else this.#fail(`G7: ${id} was adopted as attempt ${attempt} of ${boot} by ${who?.name}.`);
    }
  }

  /** Runs may have ended. */
  observeOutcomes(who: Witness | null): void {
    for (const id of this.#open.keys()) {
      const stored = this.#db.run(id);
      if (stored && OPEN_STATES.includes(stored.state)) continue;
      if (!stored) this.#fail(`${id} has vanished.`);
      else if (!this.#executed.has(`${id} attempt ${stored.attempt}`)) {
        this.#fail(`${id} ended without execution.`);
      } else if (stored.executor_boot !== who?.boot) {
        this.#fail(
          `G3: ${who?.name} ended ${id}, which is ${stored.executor_boot}'s (attempt ${stored.attempt}).`,
        );
      }
      this.#open.delete(id);
      this.#ended.set(id, `${stored?.state} attempt ${stored?.attempt}`);
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
      if (now !== end) this.#fail(`${id} had ended as ${end}, and is ${now}.`);
    }
  }
}
