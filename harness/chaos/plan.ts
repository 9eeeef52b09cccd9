/**
 * The plan of a storm, drawn from a seed: which faults, in which order, for how long. Their targets (the
 * current leader, the current primary) are known only when they begin, so a seed repeats the faults but not
 * the exact course.
 */
import { type FaultKind, REPLICA_FAULTS, STORE_FAULTS } from './faults.ts';
import type { SeededRandom } from './random.ts';

export interface PlannedFault {
  kind: FaultKind;
  /** From its begin to its end. */
  holdMs: number;
  /** In [0, 1): picks one of several targets. */
  chance: number;
}

export interface PlannedInjection {
  /** Time without faults before it. */
  quietMs: number;
  /** One, or two that begin at once: one of a replica and one of the store. */
  faults: PlannedFault[];
}

const TWO_AT_ONCE_PROBABILITY = 0.12;

/** Endless. Each kind is drawn once before any is drawn again. */
export function* planStorm(random: SeededRandom): Generator<PlannedInjection, never> {
  const drawn = { replica: deck(REPLICA_FAULTS, random), store: deck(STORE_FAULTS, random) };
  const fault = (of: keyof typeof drawn): PlannedFault => {
    const kind = drawn[of].next().value;
    return { kind, holdMs: random.between(...kind.holdMs), chance: random.next() };
  };
  for (;;) {
    const quietMs = random.between(500, 2500);
    if (random.next() < TWO_AT_ONCE_PROBABILITY) {
      yield { quietMs, faults: [fault('replica'), fault('store')] };
    } else yield { quietMs, faults: [fault(random.next() < 0.65 ? 'replica' : 'store')] };
  }
}

/** Draws all in random order, then starts over. */
function* deck<T>(cards: readonly T[], random: SeededRandom): Generator<T, never> {
  for (;;) {
    const left = [...cards];
    while (left.length > 0) yield left.splice(Math.floor(random.next() * left.length), 1)[0] as T;
  }
}
