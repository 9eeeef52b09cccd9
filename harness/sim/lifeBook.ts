/** The oracle's book of lives: each change of a stored run is a transition of the machine of a run's life. */
import { getNextSnapshot } from 'xstate';
import { type LifeEvent, lifeMachine, lifeStateOf } from '../../src/actors/runs/life.ts';
import { OPEN_STATES, type Run } from '../../src/domain/runs/run.ts';
import type { SimDatabase } from './database.ts';

/** The states that can follow each state at once, by the machine's definition; states as paths. */
function successors(): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  const visit = (value: string | object) => {
    const from = pathOf(value);
    if (found.has(from)) return;
    const next = new Set<string>();
    found.set(from, next);
    for (const type of lifeMachine.events) {
      const snapshot = lifeMachine.resolveState({ value } as never);
      const after = getNextSnapshot(lifeMachine, snapshot, { type } as LifeEvent).value;
      if (pathOf(after) !== from) next.add(pathOf(after));
      visit(after);
    }
  };
  visit(lifeMachine.config.initial as string);
  return found;
}

/** `{ waiting: 'forPlace' }` as `waiting.forPlace`. */
function pathOf(value: string | object): string {
  if (typeof value === 'string') return value;
  return Object.entries(value).map(([state, inner]) => `${state}.${pathOf(inner as string | object)}`).join();
}

const SUCCESSORS = successors();

export class LifeBook {
  readonly #db: SimDatabase;
  readonly #fail: (sentence: string) => void;
  /** State by open run. */
  readonly #states = new Map<string, string>();
  /** States that any run has been in. */
  readonly seen = new Set<string>();

  constructor(db: SimDatabase, fail: (sentence: string) => void) {
    this.#db = db;
    this.#fail = fail;
  }

  /** A run was stored. The next one of the same batch may have replaced it. */
  begins(run: Run): void {
    const isReplaced = lifeStateOf(run) === 'executing.stopping' && run.reason === 'replaced';
    this.#moves(run, isReplaced ? 'executing.attempting.claimed' : 'due', 'is stored');
  }

  /** These runs may have changed. */
  observe(ids: Iterable<string>, op: string): void {
    for (const id of ids) {
      const [before, run] = [this.#states.get(id), this.#db.run(id)];
      if (before !== undefined && run !== undefined) this.#moves(run, before, op);
    }
  }

  #moves(run: Run, before: string, op: string): void {
    const after = lifeStateOf(run);
    this.seen.add(after);
    if (OPEN_STATES.includes(run.state)) this.#states.set(run.id, after);
    else this.#states.delete(run.id);
    if (after === before || SUCCESSORS.get(before)?.has(after)) return;
    this.#fail(`${run.id} (${op}) goes from ${before} to ${after}, which no run does.`);
  }
}
