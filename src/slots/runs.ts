import { fromPromise } from 'xstate';
import { adoptionMachine } from '../actors/runs/adoption.ts';
import { cancellationMachine } from '../actors/runs/cancellation.ts';
import { executorMachine } from '../actors/runs/executor.ts';
import { DEAD_AFTER_MS } from '../actors/runs/executorWatch.ts';
import { MAX_ADOPTED } from '../actors/runs/adoption.ts';
import type { Backlog } from '../domain/runs/backlog.ts';
import type { DueQueue } from '../domain/firing/dueQueue.ts';
import { jobMachine } from '../actors/runs/job.ts';
import { outcomesMachine } from '../actors/runs/outcomes.ts';
import { runMachine } from '../actors/runs/run.ts';
import { type AttemptStart, type Outcome, turnOf } from '../domain/runs/outcome.ts';
import type { ScheduleKey } from '../actors/runs/runStore.ts';
import { isHeld, isUnowned } from '../domain/runs/run.ts';
import { deleteCompleted } from './deletion.ts';
import { prepareStore, readLease, type SlotDeps } from './deps.ts';
import { backfillSweep, continueBackfills } from './backfills.ts';
import { pauseFailing } from './failurePause.ts';

/** Interval of the leader's checks for missing collections and indexes, and for completed schedules, ms. */
const PREPARE_EVERY_MS = 5000;

/** Lost after three missing heartbeats; a lost replica stays listed for a minute. */
const PRESENCE_LIMITS = { lostAfterMs: 3000, goneAfterMs: 60_000 };

/** `settled` keeps an outcome to be recorded. */
export function fillJob({ logger, freePlace }: SlotDeps, settled: (outcome: Outcome) => void) {
  return jobMachine.provide({
    actions: {
      settled: (_, { outcome }) => settled(outcome),
      lost: (_, { runId }) => freePlace(runId),
      crashed(_, { runId, error }) {
        logger.error('the machine of a run failed, so the run has no outcome: this is a bug', {
          run_id: runId,
          error,
        });
        freePlace(runId);
      },
    },
  });
}

/** `running` keeps a start to be recorded. */
export function fillRun({ store, execute, observer }: SlotDeps, running: (start: AttemptStart) => void) {
  return runMachine.provide({
    actors: {
      execute: fromPromise(({ input, signal }) => {
        observer?.attempting?.(input.run);
        return execute(input, signal);
      }),
      confirm: fromPromise(async ({ input }) => isHeld(await store.runs.get(input.run.id), input.run)),
    },
    actions: { running: (_, { start }) => running(start) },
  });
}

export function fillOutcomes(deps: SlotDeps) {
  const { store, observer, report, freePlace } = deps;
  return outcomesMachine.provide({
    actors: {
      write: fromPromise(async ({ input: { outcomes, starts } }) => {
        const [recorded] = await Promise.all([
          store.runs.record(outcomes),
          starts.length > 0 ? store.runs.recordStarts(starts) : undefined,
        ]);
        for (const outcome of recorded) observer?.settled?.(outcome);
        for (const { run_id } of outcomes) freePlace(run_id);
        passTurns(deps, recorded.flatMap(({ turn }) => turn ?? []));
        pauseFailing(deps, recorded);
        continueBackfills(deps, recorded);
      }),
    },
    actions: { report },
  });
}

/** Not awaited: the leader passes what is left, every second. */
function passTurns({ store, report }: SlotDeps, of?: readonly ScheduleKey[]): void {
  if (of?.length === 0) return;
  store.runs.passTurns(of).catch((error: Error) =>
    report(null, { message: 'the turn could not be given to the next run; retrying', error })
  );
}

export function fillExecutor({ store, report }: SlotDeps) {
  return executorMachine.provide({
    actors: {
      look: fromPromise(({ input }) => store.runs.available(input)),
      take: fromPromise(({ input }) => store.runs.change(input.changes)),
      handBack: fromPromise(({ input }) => store.runs.change(input.changes)),
    },
    actions: { report },
  });
}

export function fillCancellation({ store, report }: SlotDeps) {
  return cancellationMachine.provide({
    actors: { look: fromPromise(({ input }) => store.runs.toCancel(input.boot)) },
    actions: { report },
  });
}

export function fillAdoption(deps: SlotDeps, queue: DueQueue, backlog: Backlog) {
  const { store, clock, logger, observer, report } = deps;
  let preparedMs = clock.monotonic();
  const sweepBackfills = backfillSweep(deps);
  /** Not awaited: firing does not depend on it. */
  const maintain = () => {
    // Its result is for display only.
    store.presence.sweep(PRESENCE_LIMITS).catch((error: Error) =>
      report(null, { message: 'lost replicas could not be marked; retrying', error })
    );
    store.runs.waiting().then((counts) => backlog.counted(counts)).catch((error: Error) =>
      report(null, { message: 'the waiting runs could not be counted; retrying', error })
    );
    // After a crash between the end of a run and the turn of the next, and to end what is replaced.
    passTurns(deps);
    sweepBackfills();
    if (clock.monotonic() - preparedMs < PREPARE_EVERY_MS) return;
    preparedMs = clock.monotonic();
    deleteCompleted(deps, queue, deps.serverTime.nowMs(preparedMs)).catch((error: Error) =>
      report(null, { message: 'completed schedules could not be deleted; retrying', error })
    );
    prepareStore(deps).catch((error: Error) =>
      report(null, { message: 'the database could not be checked for missing parts; retrying', error })
    );
  };
  return adoptionMachine.provide({
    actors: {
      search: fromPromise(async ({ input: { boot } }) => {
        maintain();
        const query = { exceptBoot: boot, deadAfterMs: DEAD_AFTER_MS, limit: MAX_ADOPTED };
        const orphans = await store.runs.orphans(query);
        // A clock step just before makes every executor look dead.
        if (orphans.length > 0) await readLease(deps);
        return orphans;
      }),
      adopt: fromPromise(({ input }) => store.runs.change(input.changes)),
    },
    actions: {
      report,
      adopted(_, { runs }) {
        passTurns(deps, runs.filter((run) => !isUnowned(run)).flatMap((run) => turnOf(run) ?? []));
        const again = runs.filter(isUnowned).length;
        observer?.abandoned?.(runs.filter(({ state }) => state === 'abandoned').length);
        if (runs.length === 0) return;
        logger.info('took the runs of a lost executor from it', { again, ended: runs.length - again });
        deps.tellRuns({ type: 'RUNS.AVAILABLE' });
      },
    },
  });
}
