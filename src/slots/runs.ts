import { fromPromise } from 'xstate';
import { adoptionMachine } from '../actors/runs/adoption.ts';
import { jobMachine } from '../actors/runs/job.ts';
import { outcomesMachine } from '../actors/runs/outcomes.ts';
import { runMachine } from '../actors/runs/run.ts';
import { isHeld, isUnassigned, type Outcome } from '../domain/runs/run.ts';
import { prepareStore, readLease, type SlotDeps } from './deps.ts';
import { OrphanSearch } from './orphanSearch.ts';

/** Interval of the leader's check for missing collections and indexes, ms. */
const PREPARE_EVERY_MS = 10_000;

/** Lost after three missing heartbeats; a lost replica stays listed for a minute. */
const PRESENCE_LIMITS = { lostAfterMs: 3000, goneAfterMs: 60_000 };

export function fillJob({ logger }: SlotDeps, settled: (outcome: Outcome) => void) {
  return jobMachine.provide({
    actions: {
      settled: (_, { outcome }) => settled(outcome),
      crashed: (_, { runId, error }) =>
        logger.error('the machine of a run failed, so the run has no outcome: this is a bug', {
          run_id: runId,
          error,
        }),
    },
  });
}

export function fillRun({ store, execute, observer }: SlotDeps) {
  return runMachine.provide({
    actors: {
      execute: fromPromise(({ input, signal }) => {
        observer?.attempting?.(input.run);
        return execute(input, signal);
      }),
      confirm: fromPromise(async ({ input }) => isHeld(await store.runs.get(input.run.id), input.run)),
    },
  });
}

export function fillOutcomes({ store, logger, observer, report }: SlotDeps) {
  return outcomesMachine.provide({
    actors: {
      write: fromPromise(async ({ input }) => {
        const recorded = await store.runs.record(input.outcomes);
        for (const outcome of recorded) observer?.settled?.(outcome);
        return recorded.length;
      }),
    },
    actions: {
      report,
      dropped: (_, { outcome }) =>
        logger.error('dropped an outcome: the backlog of outcomes to record is full', {
          run_id: outcome.run_id,
        }),
    },
  });
}

export function fillAdoption(deps: SlotDeps) {
  const { store, clock, logger, observer, report } = deps;
  const orphanSearch = new OrphanSearch(store);
  let preparedMs = clock.monotonic();
  /** Not awaited: firing does not depend on it. */
  const maintain = () => {
    // Its result is for display only.
    store.presence.sweep(PRESENCE_LIMITS).catch((error: Error) =>
      report(null, { message: 'lost replicas could not be marked; retrying', error })
    );
    if (clock.monotonic() - preparedMs < PREPARE_EVERY_MS) return;
    preparedMs = clock.monotonic();
    prepareStore(deps).catch((error: Error) =>
      report(null, { message: 'the database could not be checked for missing parts; retrying', error })
    );
  };
  return adoptionMachine.provide({
    actors: {
      search: fromPromise(async ({ input: { boot, knows } }) => {
        maintain();
        const found = await orphanSearch.orphans(boot, knows);
        // If the clock was stepped just before, every executor looks dead.
        if (!found.orphans.every(isUnassigned)) await readLease(deps);
        return found;
      }),
      adopt: fromPromise(({ input }) => store.runs.adopt(input.adoptions, input.by)),
    },
    actions: {
      report,
      adopted: (_, { runs, abandoned, manual }) => {
        observer?.abandoned?.(abandoned.length);
        if (manual > 0) logger.debug('adopted manual runs', { runs: manual });
        const adopted = runs.length - manual;
        if (adopted + abandoned.length === 0) return;
        logger.info('adopted or abandoned the runs of a lost executor', {
          adopted,
          abandoned: abandoned.length,
        });
      },
    },
  });
}
