import type { Context } from 'hono';
import type { ListedSchedule } from '../../domain/schedules/listing.ts';
import { isUnderstood, type NotUnderstood } from '../../domain/schedules/schedule.ts';
import { scheduleCursor } from '../../domain/shared/cursor.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { readBatches } from '../shared/lists.ts';
import { linkNext } from '../shared/paging.ts';
import { scheduleView } from '../shared/views.ts';
import { COMPLETED, exhaustedOf } from './scheduleResponse.ts';
import { readScheduleQuery } from './scheduleQuery.ts';

/** Number of schedules read at once: each may have 100 KB. */
const BATCH = 50;

/** `GET /schedules`: a page of schedules, with the last run of each, and recent ones on request. */
export function scheduleListRoute(deps: RouteDeps): Route {
  const { store: { schedules, runs }, serverNowMs, responses } = deps;

  async function list(c: Context): Promise<Response> {
    const { query, recentRuns } = readScheduleQuery(c);
    const views = async (items: readonly (ListedSchedule | NotUnderstood)[]) => {
      const known = items.filter(isUnderstood);
      const [latest, exhausted, recent] = await Promise.all([
        runs.latest(known),
        exhaustedOf(deps, known),
        recentRuns > 0 ? runs.recent(known, recentRuns) : null,
      ]);
      const nowMs = serverNowMs();
      return items.map((schedule) =>
        isUnderstood(schedule)
          ? {
            ...scheduleView(schedule, latest.get(schedule.id), nowMs),
            ...(exhausted.has(schedule.id) && COMPLETED),
            ...(recent && { recent_runs: recent.get(schedule.id) ?? [] }),
          }
          : schedule
      );
    };
    const [{ bytes, nextCursor }, total] = await responses.buildList(() =>
      Promise.all([
        readBatches({
          ...query,
          batch: BATCH,
          read: (limit, cursor) => schedules.list({ ...query, limit, cursor }, serverNowMs()),
          views,
          cursorOf: scheduleCursor,
        }),
        schedules.count(query),
      ])
    );
    linkNext(c, 'cursor', nextCursor);
    c.header('X-Total-Count', String(total));
    return responses.send(c, bytes);
  }

  return { method: 'GET', path: '/schedules', summary: 'list the schedules', handler: list };
}
