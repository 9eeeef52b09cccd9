/**
 * The storm, planned beforehand from a seed: which faults, in which order, for how long. What they hit (who
 * leads by then, which member is the primary) is decided when their time comes, so that a seed repeats the
 * storm and not the weather.
 */
import { type FaultKind, REPLICA_FAULTS, STORE_FAULTS } from './faults.ts';
import type { SeededRandom } from './random.ts';

export interface PlannedFault {
  kind: FaultKind;
  /** From the fault to its end. */
  holdMs: number;
  /** In [0, 1): which one of several is hit. */
  chance: number;
}

export interface PlannedBlow {
  /** Of quiet before it. */
  quietMs: number;
  /** One, or two that begin together: one of a replica and one of the store. */
  faults: PlannedFault[];
}

const TWO_AT_ONCE = 0.12;

/** Endless: as many as there is time for. Each kind comes once before one comes again. */
export function* planStorm(random: SeededRandom): Generator<PlannedBlow, never> {
  const drawn = { replica: deck(REPLICA_FAULTS, random), store: deck(STORE_FAULTS, random) };
  const fault = (of: keyof typeof drawn): PlannedFault => {
    const kind = drawn[of].next().value;
    return { kind, holdMs: random.between(...kind.holdMs), chance: random.next() };
  };
  for (;;) {
    const quietMs = random.between(500, 2500);
    if (random.next() < TWO_AT_ONCE) yield { quietMs, faults: [fault('replica'), fault('store')] };
    else yield { quietMs, faults: [fault(random.next() < 0.65 ? 'replica' : 'store')] };
  }
}

/** Shuffled, dealt to the end, and shuffled again. */
function* deck<T>(cards: readonly T[], random: SeededRandom): Generator<T, never> {
  for (;;) {
    const left = [...cards];
    while (left.length > 0) yield left.splice(Math.floor(random.next() * left.length), 1)[0] as T;
  }
}
