/** What metrics and the API show of a replica's contents. */
import type { JobPool } from './actors/runs/jobs.ts';
import type { DueQueue } from './domain/firing/dueQueue.ts';
import type { Progress } from './domain/firing/progress.ts';
import type { Places } from './domain/runs/places.ts';
import { clockBehindMs } from './domain/leadership/setBack.ts';
import { type Watermark, watermarkMs } from './domain/leadership/watermark.ts';
import type { Holding } from './domain/schedules/capacity.ts';
import { momentCount } from './domain/schedules/compacted.ts';
import type { Vitals } from './infra/metrics/replica.ts';
import type { ReplicaClocks } from './replicaClocks.ts';
import type { StoreView } from './storeView.ts';

export type OwnVitals = Omit<Vitals, 'addressOk' | 'leaderWatched'>;

export function vitalsOf({ view, clocks, progress, places, jobs, leads }: {
  view: StoreView;
  clocks: ReplicaClocks;
  progress: Progress;
  places: Places;
  jobs: JobPool;
  leads: boolean;
}): OwnVitals {
  const { queue, mark } = progress;
  const { lease } = view;
  return {
    leads,
    term: lease?.term ?? 0,
    clockBehindMs: lease === null || !clocks.serverTime.known
      ? 0
      : clockBehindMs({ lease, serverNowMs: clocks.serverNowMs() }),
    watermarkMs: shownMark(mark),
    notUnderstood: queue.setAside.size,
    schedules: queue.size,
    moments: queue.moments,
    liveJobs: jobs.size,
    places: { used: places.used, max: places.max },
  };
}

/** Null while the watermark is unknown. */
function shownMark(mark: Watermark): number | null {
  return mark.claimedThroughMs === 0 ? null : watermarkMs(mark);
}

/** The contents of the mirror. */
export function holdingOf(queue: DueQueue): Holding {
  return {
    schedules: queue.size,
    moments: queue.moments,
    momentsOf(id) {
      const entry = queue.get(id);
      return entry === undefined ? null : momentCount(entry.schedule);
    },
  };
}
