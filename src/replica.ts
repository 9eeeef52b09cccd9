/**
 * One replica, assembled: the machines with their slots filled by a store, a clock, a random source
 * and an action. With real or simulated ones, this is the product; `main.ts` makes it a process.
 */
import { type Actor, createActor, fromPromise, waitFor } from 'xstate';
import { replicaMachine } from './actors/replica.ts';
import { JobPool } from './actors/runs/jobs.ts';
import type { outcomesMachine } from './actors/runs/outcomes.ts';
import type { Logger } from './actors/shared/environment.ts';
import { nextMark } from './domain/firing/nextMark.ts';
import { Progress } from './domain/firing/progress.ts';
import type { Lease } from './domain/leadership/lease.ts';
import type { Watermark } from './domain/leadership/watermark.ts';
import type { Outcome } from './domain/runs/outcome.ts';
import { Backlog } from './domain/runs/backlog.ts';
import { Places } from './domain/runs/places.ts';
import type { Holding } from './domain/schedules/capacity.ts';
import type { NotUnderstood } from './domain/schedules/schedule.ts';
import { ReplicaClocks } from './replicaClocks.ts';
import { logClockStep, logElection, logSetAside, reporting } from './replicaLog.ts';
import { type ReplicaStatus, statusOf } from './replicaStatus.ts';
import { holdingOf, type OwnVitals, vitalsOf } from './replicaVitals.ts';
import type { ReplicaDeps, SlotDeps } from './slots/deps.ts';
import { fillScheduler } from './slots/firing.ts';
import { fillElection, fillTermHistory } from './slots/leadership.ts';
import { fillPresence } from './slots/membership.ts';
import {
  fillAdoption,
  fillCancellation,
  fillExecutor,
  fillJob,
  fillOutcomes,
  fillRun,
} from './slots/runs.ts';
import { fillMirror } from './slots/schedules.ts';
import { StoreView } from './storeView.ts';

export interface Replica {
  start(): void;
  /** Resolves when all is settled, released and recorded, or the time limits have passed. */
  stop(): Promise<void>;
  /**
   * Shutdown after a bug: executes and records nothing more, and releases the lease, so that another
   * replica takes over at once.
   */
  abandon(): Promise<void>;
  /** For the API and for probes. */
  status(): ReplicaStatus;
  /** The server's clock, epoch ms; this machine's clock before the first sample. */
  serverNowMs(): number;
  /** For metrics. */
  vitals(): OwnVitals;
  /** The contents of the mirror. */
  holding(): Holding;
  actor: Actor<typeof replicaMachine>;
  jobs: JobPool;
}

export function assembleReplica(deps: ReplicaDeps): Replica {
  const { clock, random, logger, lease, observer, inspect } = deps;
  const clocks = new ReplicaClocks(clock, lease, (stepMs) => {
    logClockStep(logger, stepMs);
    observer?.clockStepped?.(stepMs);
  });
  const { serverTime, trust, sampled, serverNowMs, monotonicMs } = clocks;
  const view = new StoreView();
  const progress = new Progress();
  const places = new Places(deps.maxRuns);
  const backlog = new Backlog();
  const slots: SlotDeps = {
    ...{ ...deps, serverTime, trust, sampled },
    known: () => view.leaseWith(progress.mark),
    restorable: () => view.leaseToRestore(progress.mark),
    askedInVain: () => view.askedInVain(),
    troubled: (error) => view.failed(error),
    report: reporting(deps),
    placesInUse: () => ({ used: places.used, max: places.max }),
    tellRuns: (event) => actor.send(event),
    freePlace(runId) {
      places.release(runId);
      actor.send({ type: 'RUNS.FREED' });
    },
  };
  const jobs: JobPool = new JobPool(
    fillJob(slots, (outcome) => record(actor, logger, outcome)),
    fillRun(slots, (start) => outcomesOf(actor)?.send({ type: 'START', start })),
    { clock, inspect, serverNowMs, random: () => random.next() },
  );
  const machine = filled(slots, progress, backlog, jobs, {
    answered: (seen) => view.answered(seen, monotonicMs()),
    nextMark: () => nextMark(progress, Math.floor(serverNowMs()), 'now'),
    runsEnded: () => runsEnded(actor, jobs),
  });
  const input = inputOf(deps, clocks, { progress, jobs, places, backlog });
  const actor: ReplicaActor = createActor(machine, {
    id: 'replica',
    clock,
    input,
    ...(inspect && { inspect }),
  });
  /** A leader suspended past its lease leads no more, although it has yet to see its successor. */
  const leads = () => actor.getSnapshot().context.role === 'leader' && clocks.isTrusted();

  return {
    actor,
    jobs,
    start: () => void actor.start(),
    stop: () => stopped(actor, jobs),
    abandon: () => abandoned(actor, jobs, deps),
    serverNowMs: clocks.knownNowMs,
    vitals: () => vitalsOf({ view, clocks, progress, places, jobs, leads: leads() }),
    holding: () => holdingOf(progress.queue),
    status: () =>
      statusOf({
        state: nameOf(actor.getSnapshot().value),
        overdueMs: leads() ? serverNowMs() - progress.queue.nextDueMs() : 0,
        answersInTime: !view.isSilent(lease.durationMs, monotonicMs()),
        trouble: view.trouble,
      }),
  };
}

/** The replica's machine with all of its slots filled. */
function filled(
  slots: SlotDeps,
  { queue }: Progress,
  backlog: Backlog,
  jobs: JobPool,
  { answered, nextMark, runsEnded }: {
    answered(seen: Lease | null): void;
    nextMark(): Watermark;
    runsEnded(): Promise<void>;
  },
) {
  return replicaMachine.provide({
    actors: {
      mirror: fillMirror(slots),
      scheduler: fillScheduler(slots),
      executor: fillExecutor(slots),
      cancellation: fillCancellation(slots),
      adoption: fillAdoption(slots, queue, backlog),
      election: fillElection(slots, answered, nextMark),
      outcomes: fillOutcomes(slots),
      presence: fillPresence(slots),
      termHistory: fillTermHistory(slots),
      runsEnded: fromPromise(runsEnded),
    },
    actions: {
      report: slots.report,
      giveUpRuns: () => jobs.stop(),
      log(_, event) {
        logElection(slots.logger, event);
        slots.observer?.election?.(event);
      },
    },
  });
}

type ReplicaActor = Actor<typeof replicaMachine>;

function inputOf(
  { random, logger, identity: { id, boot, address }, lease, graceMs, standbyExecutes }: ReplicaDeps,
  { monotonicMs, serverNowMs, knownNowMs, clockSetMs, isTrusted }: ReplicaClocks,
  { progress, jobs, places, backlog }: {
    progress: Progress;
    jobs: JobPool;
    places: Places;
    backlog: Backlog;
  },
) {
  const shared = { jobs, places, replica: id, boot, serverNowMs, monotonicMs, isTrusted };
  return {
    graceMs,
    election: {
      me: { holder: id, boot, address },
      timing: lease,
      random: () => random.next(),
      monotonicMs,
    },
    scheduler: {
      ...{ ...shared, progress, backlog },
      leaseDurationMs: lease.durationMs,
      onSetAside: (schedules: readonly NotUnderstood[]) => logSetAside(logger, schedules),
    },
    executor: { ...shared, standbyExecutes },
    cancellation: shared,
    adoption: { ...shared, clockSetMs },
    presence: { serverNowMs: knownNowMs },
  };
}

function outcomesOf(actor: ReplicaActor): Actor<typeof outcomesMachine> | undefined {
  return actor.system.get('outcomes') as Actor<typeof outcomesMachine> | undefined;
}

function record(actor: ReplicaActor, logger: Logger, outcome: Outcome): void {
  const outcomes = outcomesOf(actor);
  if (outcomes !== undefined) outcomes.send({ type: 'OUTCOME', outcome });
  else logger.warn('a run ended too late to be recorded', { run_id: outcome.run_id });
}

/** Waits for runs that are being taken, too. */
async function runsEnded(actor: ReplicaActor, jobs: JobPool): Promise<void> {
  const { executor } = actor.getSnapshot().children;
  if (executor !== undefined) await waitFor(executor, (snapshot) => snapshot.matches('stopped'));
  await jobs.idle();
}

/** All steps of draining report as `draining`. */
function nameOf(state: string | object): string {
  return typeof state === 'string' ? state : 'draining';
}

async function abandoned(actor: ReplicaActor, jobs: JobPool, deps: ReplicaDeps): Promise<void> {
  try {
    actor.stop();
    jobs.stop();
  } finally {
    await giveBack(deps);
  }
}

/** Acts on the stored lease, since the machines may be broken. */
async function giveBack({ store, identity: { boot }, peers }: ReplicaDeps): Promise<void> {
  const { lease: { holder, term, ...lease } } = await store.lease.read();
  if (holder === null || lease.boot !== boot || lease.released_at !== null) return;
  await store.lease.release({ holder, boot, term }, 'released', peers.heir());
}

async function stopped(actor: Actor<typeof replicaMachine>, jobs: JobPool): Promise<void> {
  const done = new Promise<void>((resolve) => {
    // No `error` handler: an error stays uncaught, and ends the process.
    actor.subscribe({ complete: resolve });
  });
  actor.send({ type: 'STOP' });
  await done;
  jobs.stop();
}
