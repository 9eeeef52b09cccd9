import { fromPromise } from 'xstate';
import { schedulerMachine } from '../actors/firing/scheduler.ts';
import type { SlotDeps } from './deps.ts';

export function fillScheduler({ store, clock, logger, observer, trust, sampled, report }: SlotDeps) {
  return schedulerMachine.provide({
    actors: {
      survey: fromPromise(({ input }) => store.claims.newest(input.of)),
      claim: fromPromise(async ({ input }) => {
        const startedMs = clock.monotonic();
        const result = await store.claims.claim(input);
        if (result.kind === 'committed') trust.renewed(startedMs);
        if (result.kind === 'early') sampled(startedMs, clock.monotonic(), result.serverNowMs, 'write');
        return result;
      }),
      resolve: fromPromise(async ({ input }) => {
        const runs = await store.claims.resolve(input.runs);
        observer?.claimed?.(runs);
        return runs;
      }),
    },
    actions: {
      report,
      claimed: (_, { runs, duplicates, stale }) => {
        logger.debug('claimed', { runs: runs.length, duplicates: duplicates.length, stale: stale.length });
        observer?.claimed?.(runs);
      },
    },
  });
}
