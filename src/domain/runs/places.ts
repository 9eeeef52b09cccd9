import type { Run } from './run.ts';

/**
 * The places of an executor: each holds one run from the moment at which it is taken until its end is
 * recorded (G9). So outcomes that can't be written push back: nothing more is begun.
 *
 * Fair (G10): one schedule may hold at most `SHARE` times as many places as are free. However many runs it
 * has, and however slow they are, places remain for others. (The dynamic thresholds of shared-memory
 * switches: Choudhury and Hahne, 1998.)
 */
const SHARE = 8;

export class Places {
  readonly max: number;
  /** Schedule by run. */
  readonly #held = new Map<string, string>();
  /** Number of runs by schedule. */
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.max = max;
  }

  get free(): number {
    return this.max - this.#held.size;
  }

  get used(): number {
    return this.#held.size;
  }

  /** Number of places that this schedule holds. */
  of(scheduleId: string): number {
    return this.#counts.get(scheduleId) ?? 0;
  }

  /** Whether this run has a place. */
  holds(runId: string): boolean {
    return this.#held.has(runId);
  }

  /** Whether a run of this schedule may take a place now. */
  hasRoom(scheduleId: string): boolean {
    return this.of(scheduleId) < SHARE * this.free;
  }

  /** Takes a place if there is one. A run that holds one already keeps it. */
  take(runId: string, scheduleId: string): boolean {
    if (this.#held.has(runId)) return true;
    if (!this.hasRoom(scheduleId)) return false;
    this.#held.set(runId, scheduleId);
    this.#counts.set(scheduleId, this.of(scheduleId) + 1);
    return true;
  }

  /** Frees the run's place, if it holds one. */
  release(runId: string): void {
    const scheduleId = this.#held.get(runId);
    if (scheduleId === undefined) return;
    this.#held.delete(runId);
    const left = this.of(scheduleId) - 1;
    if (left === 0) this.#counts.delete(scheduleId);
    else this.#counts.set(scheduleId, left);
  }
}

/**
 * Takes places for these runs in turn: always for the oldest of the schedule that holds fewest, until there
 * is no room. Returns the runs that have one now. `candidates`: oldest first. Leaves out those that hold a place
 * already: an older attempt of theirs is live here, or its outcome is not recorded yet.
 */
export function takePlaces(places: Places, candidates: readonly Run[]): Run[] {
  /** By schedule, the schedule of the oldest first. */
  const waiting = new Map<string, Run[]>();
  for (const run of candidates) {
    if (places.holds(run.id)) continue;
    const ofSchedule = waiting.get(run.schedule_id);
    if (ofSchedule === undefined) waiting.set(run.schedule_id, [run]);
    else ofSchedule.push(run);
  }
  // The oldest last, to take it from there.
  for (const runs of waiting.values()) runs.reverse();
  const taken: Run[] = [];
  while (waiting.size > 0) {
    let next: string | null = null;
    for (const id of waiting.keys()) if (next === null || places.of(id) < places.of(next)) next = id;
    const ofSchedule = waiting.get(next as string) as Run[];
    const run = ofSchedule.at(-1) as Run;
    if (!places.take(run.id, run.schedule_id)) break;
    taken.push(run);
    ofSchedule.pop();
    if (ofSchedule.length === 0) waiting.delete(next as string);
  }
  return taken;
}
