/** The due queue and the jobs follow the mirror. */
import type { NotUnderstood } from '../../domain/schedules/schedule.ts';
import type { MirrorEvent } from '../schedules/mirrorEvents.ts';
import type { SchedulerContext } from './schedulerContext.ts';

type Loaded = Extract<MirrorEvent, { type: 'MIRROR.LOADED' }>;
type Change = Extract<MirrorEvent, { type: 'MIRROR.CHANGED' }>['change'];

export function takeSnapshot(context: SchedulerContext, { schedules, notUnderstood, mark }: Loaded): void {
  const { progress: { queue }, jobs } = context;
  const present = new Set([...schedules, ...notUnderstood].map(({ id }) => id));
  for (const id of [...queue.schedules().map((schedule) => schedule.id), ...queue.setAside.keys()]) {
    if (present.has(id)) continue;
    queue.remove(id);
    jobs.changed({ kind: 'delete', id });
  }
  for (const schedule of schedules) {
    queue.put(schedule, mark, claimedByUsThroughMs(context));
    jobs.changed({ kind: 'upsert', schedule });
  }
  setAside(context, notUnderstood);
}

export function takeChange(context: SchedulerContext, change: Change): void {
  const { progress: { queue, mark }, jobs } = context;
  switch (change.kind) {
    case 'upsert':
      queue.put(change.schedule, mark, claimedByUsThroughMs(context));
      return jobs.changed(change);
    case 'delete':
      queue.remove(change.id);
      return jobs.changed(change);
    case 'not understood':
      return setAside(context, [change.schedule]);
  }
}

/**
 * A schedule new to the queue may have been in it before, when a stream repeats a deletion and what
 * followed: what we have claimed of it up to now is in the store, and found there.
 */
function claimedByUsThroughMs({ grant, latestClaimMs, serverNowMs }: SchedulerContext): number {
  return grant === null ? -Infinity : Math.max(latestClaimMs, serverNowMs());
}

/** Claims nothing more of them; their claimed runs continue. */
function setAside(
  { progress: { queue, mark }, jobs, onSetAside }: SchedulerContext,
  schedules: readonly NotUnderstood[],
): void {
  const isNew = ({ id }: NotUnderstood) => queue.putAside(id, mark);
  for (const { id } of schedules) jobs.changed({ kind: 'delete', id });
  const fresh = schedules.filter(isNew);
  if (fresh.length > 0) onSetAside(fresh);
}
