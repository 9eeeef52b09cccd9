/** What the endpoints of one run share: its id in the path, and the stored run. */
import type { Context } from 'hono';
import type { Run } from '../../domain/runs/run.ts';
import { isUnderstood } from '../../domain/schedules/schedule.ts';
import { short } from '../../domain/shared/text.ts';
import type { RouteDeps } from '../shared/api.ts';
import { Problem } from '../shared/problem.ts';

export function runIdOf(c: Context): string {
  return c.req.param('id') ?? '';
}

/** The run; throws a `Problem`: 404 when there is none, 503 when this version does not understand it. */
export async function presentRun({ store: { runs } }: Pick<RouteDeps, 'store'>, id: string): Promise<Run> {
  const run = await runs.get(id);
  if (run === null) throw new Problem(404, `there is no run ${short(id, 256)}`);
  if (isUnderstood(run)) return run;
  throw new Problem(503, `run ${short(id, 256)} is not understood by this version: ${run.not_understood}`);
}
