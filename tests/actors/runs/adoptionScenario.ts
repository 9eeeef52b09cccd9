/** What the scenarios of adoption and of manual runs have in common. */
import { DEAD_AFTER_MS } from '../../../src/actors/runs/adoption.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { SimCluster } from '../../support/simCluster.ts';

/** Long enough for another to lead, to be sure of the death, and to adopt. */
export const ADOPTED_WITHIN_MS = 3000 + 300 + DEAD_AFTER_MS + 2000;

/** `attempt replica` of each execution of a run. */
export function executionsOf(cluster: SimCluster, { id }: Run): string[] {
  return cluster.executions.filter(({ runId }) => runId === id).map((each) =>
    `${each.attempt} ${each.replica}`
  );
}
