import { fromPromise } from 'xstate';
import { mirrorMachine } from '../actors/schedules/mirror.ts';
import type { FeedObserver } from '../actors/schedules/scheduleFeed.ts';
import { noting, prepareStore, readLease, type SlotDeps } from './deps.ts';

export function fillMirror(deps: SlotDeps) {
  const { store, logger, report } = deps;
  const load = async (observer: FeedObserver) => {
    await prepareStore(deps);
    const { lease } = await readLease(deps);
    const snapshot = await store.feed.snapshot(observer);
    logger.info('schedules loaded', { schedules: snapshot.schedules.length });
    return { mark: lease.watermark, ...snapshot };
  };
  return mirrorMachine.provide({
    actors: {
      load: fromPromise(({ input }) => noting(deps, () => load(input.observer))),
      resume: fromPromise(({ input }) => store.feed.resume(input.token, input.observer)),
    },
    actions: { report },
  });
}
