/**
 * One replica, assembled: the machines with their slots filled by a store, a clock, a random source
 * and an action. With real or simulated ones, this is the product; `main.ts` makes it a process.
 */
import { type Actor, createActor, fromPromise, waitFor } from 'xstate';
import { nextMark } from './domain/firing/nextMark.ts';
import { replicaMachine } from './actors/replica.ts';
import { JobPool } from './actors/runs/jobs.ts';
import type { outcomesMachine } from './actors/runs/outcomes.ts';
import type { Logger } from './actors/shared/environment.ts';
import { DueQueue } from './domain/firing/dueQueue.ts';
import type { Lease } from './domain/leadership/lease.ts';
import { CLOCK_TOLERANCE_MS, clockBehindMs } from './domain/leadership/setBack.ts';
import { type Watermark, watermarkMs } from './domain/leadership/watermark.ts';
import { ServerTime } from './domain/leadership/serverTime.ts';
import { TrustWindow } from './domain/leadership/trustWindow.ts';
import type { Outcome } from './domain/runs/run.ts';
import type { Holding } from './domain/schedules/capacity.ts';
import { momentCount } from './domain/schedules/compacted.ts';
import type { NotUnderstood } from './domain/schedules/schedule.ts';
import type { Vitals } from './infra/metrics/replica.ts';
import { logClockStep, logElection, logSetAside, reporting } from './replicaLog.ts';
import { type ReplicaStatus, statusOf } from './replicaStatus.ts';
import type { ReplicaDeps, SlotDeps } from './slots/deps.ts';
import { fillScheduler } from './slots/firing.ts';
import { fillElection, fillTermHistory } from './slots/leadership.ts';
import { fillPresence } from './slots/membership.ts';
import { fillAdoption, fillJob, fillOutcomes, fillRun } from './slots/runs.ts';
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
  vitals(): Omit<Vitals, 'addressOk' | 'leaderWatched'>;
  /** The contents of the mirror. */
  holding(): Holding;
  actor: Actor<typeof replicaMachine>;
  jobs: JobPool;
}

export function assembleReplica(deps: ReplicaDeps): Replica {
  const { clock, logger, lease, observer, inspect } = deps;
  const serverTime = new ServerTime();
  const trust = new TrustWindow(lease);
  const view = new StoreView();
  const queue = new DueQueue();
  const monotonicMs = () => clock.monotonic();
  let clockSetMs = -Infinity;
  const clocks: Clocks = {
    monotonicMs,
    serverNowMs: () => serverTime.nowMs(monotonicMs()),
    knownNowMs: () => serverTime.known ? clocks.serverNowMs() : clock.now(),
    clockSetMs: () => clockSetMs,
    isTrusted: () => trust.leftMs(monotonicMs()) > 0,
  };
  const scheduler = () => actor.getSnapshot().children.scheduler?.getSnapshot();
  const mark = () => scheduler()?.context.mark;
  const slots: SlotDeps = {
    ...{ ...deps, serverTime, trust },
    known: () => view.leaseWith(mark()),
    troubled: (error) => view.failed(error),
    report: reporting(deps),
    sampled(...sample) {
      const stepMs = serverTime.sample(...sample);
      if (Math.abs(stepMs) <= CLOCK_TOLERANCE_MS) return;
      clockSetMs = monotonicMs();
      logClockStep(logger, stepMs);
      observer?.clockStepped?.(stepMs);
    },
  };
  const jobs: JobPool = new JobPool(
    fillJob(slots, (outcome) => record(actor, logger, outcome)),
    fillRun(slots),
    {
      ...{ clock, inspect },
      serverNowMs: clocks.serverNowMs,
    },
  );
  const machine = filled(slots, jobs, {
    answered: (seen) => view.answered(seen, monotonicMs()),
    nextMark() {
      const context = scheduler()?.context;
      if (context !== undefined) return nextMark(context, Math.floor(clocks.serverNowMs()), 'now');
      throw new Error('The scheduler is not there: nothing may be said about its progress.');
    },
    runsEnded: () => runsEnded(actor, jobs),
  });
  const input = inputOf(deps, clocks, queue, jobs);
  const actor: ReplicaActor = createActor(machine, {
    id: 'replica',
    clock,
    input,
    ...(inspect && { inspect }),
  });

  return {
    actor,
    jobs,
    start: () => void actor.start(),
    stop: () => stopped(actor, jobs),
    abandon: () => abandoned(actor, jobs, deps),
    serverNowMs: clocks.knownNowMs,
    vitals: () => ({
      leads: actor.getSnapshot().context.role === 'leader' && clocks.isTrusted(),
      term: view.lease?.term ?? 0,
      clockBehindMs: view.lease === null || !serverTime.known
        ? 0
        : clockBehindMs({ lease: view.lease, serverNowMs: clocks.serverNowMs() }),
      watermarkMs: shownMark(mark()),
      notUnderstood: queue.setAside.size,
      schedules: queue.size,
      moments: queue.moments,
      liveJobs: jobs.size,
    }),
    holding: () => holdingOf(queue),
    status() {
      // A leader suspended past its lease owes nothing: it has yet to see its successor.
      const leads = scheduler()?.context.grant != null && clocks.isTrusted();
      return statusOf({
        state: nameOf(actor.getSnapshot().value),
        overdueMs: leads ? clocks.serverNowMs() - queue.nextDueMs() : 0,
        answersInTime: !view.isSilent(lease.durationMs, monotonicMs()),
        trouble: view.trouble,
      });
    },
  };
}

/** The replica's machine with all of its slots filled. */
function filled(
  slots: SlotDeps,
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
      adoption: fillAdoption(slots),
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

interface Clocks {
  monotonicMs(): number;
  /** The server's clock, epoch ms. */
  serverNowMs(): number;
  /** The same; this machine's clock before the first sample. */
  knownNowMs(): number;
  /** When the server's clock was last found to have been set, monotonic ms; -Infinity if never. */
  clockSetMs(): number;
  /** Whether the trust window is open, so that a leader may act. */
  isTrusted(): boolean;
}

function inputOf(
  { random, logger, identity: { id, boot, address }, lease, graceMs }: ReplicaDeps,
  { monotonicMs, serverNowMs, knownNowMs, clockSetMs, isTrusted }: Clocks,
  queue: DueQueue,
  jobs: JobPool,
) {
  const shared = { queue, jobs, replica: id, boot, serverNowMs, monotonicMs, isTrusted };
  return {
    graceMs,
    election: {
      me: { holder: id, boot, address },
      timing: lease,
      random: () => random.next(),
      monotonicMs,
    },
    scheduler: {
      ...shared,
      leaseDurationMs: lease.durationMs,
      onSetAside: (schedules: readonly NotUnderstood[]) => logSetAside(logger, schedules),
    },
    adoption: { ...shared, clockSetMs },
    presence: { serverNowMs: knownNowMs },
  };
}

function record(actor: ReplicaActor, logger: Logger, outcome: Outcome): void {
  const outcomes = actor.system.get('outcomes') as Actor<typeof outcomesMachine> | undefined;
  if (outcomes !== undefined) outcomes.send({ type: 'OUTCOME', outcome });
  else logger.warn('a run ended too late to be recorded', { run_id: outcome.run_id });
}

/** Waits for runs that are being adopted, too. */
async function runsEnded(actor: ReplicaActor, jobs: JobPool): Promise<void> {
  const { adoption } = actor.getSnapshot().children;
  if (adoption !== undefined) await waitFor(adoption, (snapshot) => snapshot.matches('idle'));
  await jobs.idle();
}

/** Null while the watermark is unknown. */
function shownMark(mark: Watermark | undefined): number | null {
  return mark === undefined || mark.claimedThroughMs === 0 ? null : watermarkMs(mark);
}

function holdingOf(queue: DueQueue): Holding {
  return {
    schedules: queue.size,
    moments: queue.moments,
    momentsOf(id) {
      const entry = queue.get(id);
      return entry === undefined ? null : momentCount(entry.schedule);
    },
  };
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
