import { type Capacity, type Holding, noRoomFor, type Wanted } from '../../domain/schedules/capacity.ts';
import type { ApiDeps } from '../shared/api.ts';
import { Problem } from '../shared/problem.ts';

/** Shares of a limit from which the warning is logged, and below which it may be logged again. */
const [WARN_AT, REARM_BELOW] = [0.8, 0.75];

/** Refuses (507) a write beyond the limits; warns when they are close. */
export function capacityCheck(
  { holding, limits, serverNowMs, logger }: Pick<ApiDeps, 'holding' | 'limits' | 'serverNowMs' | 'logger'>,
): (wanted: Wanted) => void {
  const warned = new Set<keyof Capacity>();
  const warn = (kind: keyof Capacity, held: Holding) => {
    const share = held[kind] / limits[kind];
    if (share < REARM_BELOW) warned.delete(kind);
    if (share < WARN_AT || warned.has(kind)) return;
    warned.add(kind);
    logger.warn(`close to the limit of ${kind}`, { held: held[kind], limit: limits[kind] });
  };
  return (wanted) => {
    const held = holding();
    warn('schedules', held);
    warn('moments', held);
    const problem = noRoomFor(wanted, { held, limits, nowMs: serverNowMs() });
    if (problem !== null) throw new Problem(507, problem);
  };
}
