/** Deliberate bugs in the life of runs: taking, retries, losses, overlaps, limits, deletions and places. */
import type { ClaimBatch, ClaimRequest } from '../../src/actors/firing/claimStore.ts';
import type { Store } from '../../src/actors/store.ts';
import type { RunChange } from '../../src/domain/runs/life.ts';
import { type Outcome, unowned } from '../../src/domain/runs/outcome.ts';
import { Places } from '../../src/domain/runs/places.ts';
import { isUnowned, type Run, workOf } from '../../src/domain/runs/run.ts';
import { tallyId } from '../../src/infra/runs/tallies.ts';
import type { SimDatabase } from './database.ts';
import type { Mutation } from './mutation.ts';

const withRuns = (store: Store, more: Partial<Store['runs']>): Store => ({
  ...store,
  runs: { ...store.runs, ...more },
});

/** Each change of a run passes through `change`. */
const changing = (store: Store, change: (of: RunChange) => RunChange): Store =>
  withRuns(store, { change: (changes) => store.runs.change(changes.map(change)) });

const isTaking = ({ run, set }: RunChange) => isUnowned(run) && set.executor_boot != null;
const isLoss = ({ set }: RunChange) => set.losses !== undefined;

/** Whether it ends a run as its policy for lost executors says. */
function abandons({ run, set }: RunChange): boolean {
  return set.reason === 'executor_lost' && workOf(run).policy.on_executor_loss === 'abandon';
}

function endsByLosses({ run, set }: RunChange): boolean {
  return set.reason === 'executor_lost' && workOf(run).policy.on_executor_loss === 'retry';
}

/** The loss, as if another executor were to follow. */
function goesOn({ run, set }: RunChange): RunChange {
  const { attempts, losses } = set as Run;
  return { run, set: { attempts, losses, ...unowned('claimed', 'place') } };
}

/** The change, as if it had found the run as it is when the change takes effect. */
function asStored(change: RunChange, db: SimDatabase): RunChange {
  const { id } = change.run;
  const run = new Proxy(change.run, {
    get: (found, name: keyof Run) => (name === 'id' ? id : db.run(id)?.[name] ?? found[name]),
  });
  return { ...change, run };
}

/** Calls `before` when the outcome takes effect, with the stored run. */
function recording(store: Store, db: SimDatabase, before: (outcome: Outcome, run: Run) => void): Store {
  const watched = (outcome: Outcome): Outcome => ({
    ...outcome,
    get attempt() {
      const run = db.run(outcome.run_id);
      if (run !== undefined) before(outcome, run);
      return outcome.attempt;
    },
  });
  return withRuns(store, { record: (outcomes) => store.runs.record(outcomes.map(watched)) });
}

export const RUN_MUTATIONS: readonly Mutation[] = [
  {
    name: 'a run is taken before it is available',
    store: (store) =>
      withRuns(store, {
        available: ({ availableAt, limit }) =>
          store.runs.available({ availableAt: new Date(availableAt.getTime() + 1500), limit }),
      }),
  },
  {
    name: 'a taking does not compare what it found',
    store: (store, { db }) => changing(store, (change) => isTaking(change) ? asStored(change, db) : change),
  },
  {
    name: 'a taking without an answer counts as not made',
    store: (store) =>
      withRuns(store, {
        change: (changes) =>
          store.runs.change(changes).catch((error) => {
            if (!changes.some(isTaking)) throw error;
            return [];
          }),
      }),
  },
  {
    name: 'a run is tried again though its attempt was to be the last',
    store: (store, { db }) =>
      recording(store, db, (outcome, run) => {
        if (outcome.retry_at !== null) run.is_last_attempt = false;
      }),
  },
  {
    name: 'the loss of an executor counts as a failure',
    store: (store) =>
      changing(
        store,
        (change) =>
          isLoss(change) ? { ...change, set: { ...change.set, failures: change.run.failures + 1 } } : change,
      ),
  },
  {
    name: 'losses are not counted',
    store: (store) =>
      changing(store, (change) => isLoss(change) ? { ...change, set: { ...change.set, losses: 0 } } : change),
  },
  {
    name: 'the third loss in a row does not end the run',
    store: (store) => changing(store, (change) => endsByLosses(change) ? goesOn(change) : change),
  },
  {
    name: 'a lost executor is followed by another, whatever the policy says',
    store: (store) => changing(store, (change) => abandons(change) ? goesOn(change) : change),
  },
  {
    name: 'overlaps are decided without the runs that are open',
    database(db) {
      db.overlapping = () => [];
    },
  },
  {
    name: 'the turn is given to the newest',
    store: (store, { db, call }) =>
      withRuns(store, {
        passTurns: () =>
          call('runs.passTurns', async () => {
            const waits = (run: Run) => run.waiting_for === 'overlap';
            for (const { schedule_id, schedule_created_at } of db.openRuns().filter(waits)) {
              const open = db.overlapping(schedule_id, schedule_created_at);
              const next = open.filter(waits).sort((a, b) =>
                Number(b.scheduled_for) - Number(a.scheduled_for)
              )[0];
              if (next === undefined || !open.every(waits)) continue;
              next.waiting_for = 'place';
              db.emitIfEnded(next);
            }
          }),
      }),
  },
  {
    name: 'the outcome of an attempt that was replaced counts',
    store: (store, { db }) =>
      recording(store, db, ({ attempt, executor_boot, finished_at }, run) => {
        const isIts = run.attempt === attempt && run.executor_boot === executor_boot;
        const isRecorded = run.attempts.some((one) => Number(one.finished_at) === Number(finished_at));
        if (isIts && !isRecorded && run.state === 'cancelled' && run.reason === 'replaced') {
          run.state = 'running';
        }
      }),
  },
  {
    name: 'each leader counts the runs of a schedule by itself',
    store(store, { db }) {
      const own = new Map<string, number>();
      const idOf = ({ scheduleId, runs }: ClaimRequest) => tallyId(scheduleId, runs[0]?.schedule_created_at);
      const counted = (request: ClaimRequest): ClaimRequest => {
        const { maxRuns } = request;
        if (maxRuns === null) return request;
        return {
          ...request,
          get maxRuns() {
            return maxRuns - (own.get(idOf(request)) ?? 0) + (db.claimedRuns.get(idOf(request)) ?? 0);
          },
        };
      };
      const claim = async (batch: ClaimBatch) => {
        const result = await store.claims.claim({ ...batch, requests: batch.requests.map(counted) });
        if (result.kind !== 'committed') return result;
        for (const { state, schedule_id, schedule_created_at } of result.runs) {
          const id = tallyId(schedule_id, schedule_created_at);
          if (state === 'claimed') own.set(id, (own.get(id) ?? 0) + 1);
        }
        return result;
      };
      return { ...store, claims: { ...store.claims, claim } };
    },
  },
  {
    name: 'a deletion leaves the runs that wait',
    database(db) {
      let isRemoving = false;
      const { delete: remove } = Map.prototype;
      db.schedules.delete = (id) => (isRemoving = true) && remove.call(db.schedules, id);
      const openRuns = db.openRuns.bind(db);
      db.openRuns = () => {
        const open = openRuns();
        if (!isRemoving) return open;
        isRemoving = false;
        return open.filter((run) => !isUnowned(run));
      };
    },
  },
  {
    name: 'a place is free again as soon as its run has begun',
    patch() {
      const { take } = Places.prototype;
      Places.prototype.take = function (runId, scheduleId) {
        return this.holds(runId) || this.hasRoom(scheduleId);
      };
      return () => Object.assign(Places.prototype, { take });
    },
  },
];
