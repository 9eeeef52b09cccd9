import type { Clock } from '../../src/actors/shared/environment.ts';
import type { Store } from '../../src/actors/store.ts';
import type { LeaseTiming } from '../../src/domain/leadership/leaseTiming.ts';
import type { Intercept } from '../../src/infra/memory/shared/connection.ts';
import type { TimeSources } from '../../src/infra/machine/monotonicTime.ts';
import type { SimDatabase } from './database.ts';

/** A deliberate bug: what it puts in place of what is right. */
export interface Mutation {
  name: string;
  /** Wraps the store of each process. */
  store?(store: Store, access: { db: SimDatabase; clock: Clock; call: Intercept; boot: string }): Store;
  /** The clocks of the machines. */
  time?(sources: TimeSources): TimeSources;
  /** The timing that replicas are given. */
  lease?(timing: LeaseTiming): LeaseTiming;
  /** Changes the database. */
  database?(db: SimDatabase): void;
  /** Changes a part of the product for all simulations, until the function that it returns is called. */
  patch?(): () => void;
}

interface Verdict {
  violation: string | null;
}

/**
 * The first of the seeds under which the mutation is noticed, and how. A seed that fails without it as well
 * proves nothing.
 */
export async function catchMutation<T extends Verdict>(
  mutation: Mutation,
  firstSeed: number,
  seeds: number,
  simulate: (seed: number, mutation: Mutation | null) => Promise<T>,
): Promise<{ seed: number; result: T } | null> {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const result = await simulate(seed, mutation);
    if (result.violation === null) continue;
    const { violation } = await simulate(seed, null);
    if (violation === null) return { seed, result };
  }
  return null;
}
