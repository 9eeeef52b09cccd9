/**
 * One replica, assembled: the machines with their slots filled in by a store, a clock, a random source and an
 * action. Whatever those are, real or simulated, this is the product; `main.ts` makes it a process.
 */
import { type Actor, createActor, fromPromise, waitFor } from 'xstate';
import type { ElectionNews } from './actors/leadership/electionEvents.ts';
import { JobPool } from './actors/runs/jobs.ts';
import type { Logger } from './actors/shared/environment.ts';
import { LeaseMissing, StoreRefused } from './actors/shared/storeErrors.ts';
import { replicaMachine } from './actors/replica.ts';
import type { outcomesMachine } from './actors/runs/outcomes.ts';
import { nextMark } from './actors/firing/scheduler.ts';
import type { Holding } from './domain/schedules/capacity.ts';
import { DueQueue } from './domain/firing/dueQueue.ts';
import { termsOf } from './domain/leadership/term.ts';
import {
  CLOCK_TOLERANCE_MS,
  clockBehindMs,
  later,
  type Lease,
  watermarkMs,
} from './domain/leadership/lease.ts';
import { momentCount } from './domain/schedules/compacted.ts';
import type { Outcome } from './domain/runs/run.ts';
import type { NotUnderstood } from './domain/schedules/schedule.ts';
import { ServerTime } from './domain/leadership/serverTime.ts';
import { TrustWindow } from './domain/leadership/trustWindow.ts';
import type { Vitals } from './infra/metrics/replica.ts';
import { Seldom } from './infra/log/seldom.ts';
import type { ReplicaDeps, SlotDeps } from './slots/deps.ts';
import { fillScheduler } from './slots/firing.ts';
import { fillChronicle, fillElection } from './slots/leadership.ts';
import { fillPresence } from './slots/membership.ts';
import { fillAdoption, fillJob, fillOutcomes, fillRun } from './slots/runs.ts';
import { fillMirror } from './slots/schedules.ts';

export interface Replica {
  start(): void;
  /** Resolves when everything is settled, released and recorded, or the time for it is over. */
  stop(): Promise<void>;
  /**
   * The end when something is broken: does and records nothing more, and gives the lease back, so that another replica
   * takes over at once.
   */
  abandon(): Promise<void>;
  /** For the API and for probes. */
  status(): { state: string; live: boolean; ready: boolean; reasons: string[] };
  /** The server's clock as far as it is known, epoch ms; this machine's before that. */
  serverNowMs(): number;
  /** For metrics. */
  vitals(): Omit<Vitals, 'addressOk' | 'leaderWatched'>;
  /** What its mirror holds. */
  holding(): Holding;
  actor: Actor<typeof replicaMachine>;
  jobs: JobPool;
}

/** A leader whose queue has been overdue for this long does not do its work: livez says so. */
const STALLED_MS = 10_000;
/** What goes wrong again and again is told at debug level in between (G9). */
const REPORT_EVERY_MS = 5000;

export function assembleReplica(deps: ReplicaDeps): Replica {
  const { clock, random, logger, identity, lease, graceMs, observer, inspect } = deps;
  const serverTime = new ServerTime();
  const trust = new TrustWindow(lease);
  const report = reporting(deps);
  const sampled: SlotDeps['sampled'] = (...sample) => {
    const stepMs = serverTime.sample(...sample);
    if (Math.abs(stepMs) <= CLOCK_TOLERANCE_MS) return;
    logClockStep(logger, stepMs);
    observer?.clockStepped?.(stepMs);
  };
  const slots: SlotDeps = { ...deps, serverTime, trust, known, troubled, report, sampled };
  const queue = new DueQueue();
  let lastAnswerMs = -Infinity;
  let seen: Lease | null = null;
  let trouble: unknown = null;
  const monotonicMs = () => clock.monotonic();
  const serverNowMs = () => serverTime.nowMs(monotonicMs());
  const knownNowMs = () => serverTime.known ? serverNowMs() : clock.now();
  const isTrusted = () => trust.leftMs(monotonicMs()) > 0;
  const jobs = new JobPool(fillJob(slots, record), fillRun(slots), { clock, serverNowMs, inspect });
  const actor: Actor<typeof replicaMachine> = createActor(
    replicaMachine.provide({
      actors: {
        mirror: fillMirror(slots),
        scheduler: fillScheduler(slots),
        adoption: fillAdoption(slots),
        election: fillElection(
          slots,
          (lease) => {
            lastAnswerMs = clock.monotonic();
            trouble = null;
            if (lease !== null && lease.term >= (seen?.term ?? 0)) seen = lease;
          },
          nextMarkNow,
        ),
        outcomes: fillOutcomes(slots),
        presence: fillPresence(slots),
        chronicle: fillChronicle(slots),
        runsEnded: fromPromise(async () => {
          const { adoption } = actor.getSnapshot().children;
          if (adoption !== undefined) await waitFor(adoption, (snapshot) => snapshot.matches('idle'));
          await jobs.idle();
        }),
      },
      actions: {
        report,
        giveUpRuns: () => jobs.stop(),
        log: (_, event) => {
          logElection(logger, event);
          observer?.election?.(event);
        },
      },
    }),
    {
      id: 'replica',
      clock,
      ...(inspect && { inspect }),
      input: {
        graceMs,
        election: {
          me: { holder: identity.id, boot: identity.boot, address: identity.address },
          timing: lease,
          random: () => random.next(),
          monotonicMs,
        },
        scheduler: {
          queue,
          jobs,
          replica: identity.id,
          boot: identity.boot,
          leaseDurationMs: lease.durationMs,
          serverNowMs,
          monotonicMs,
          isTrusted,
          onSetAside: (schedules) => logSetAside(logger, schedules),
        },
        adoption: {
          queue,
          jobs,
          replica: identity.id,
          boot: identity.boot,
          serverNowMs,
          monotonicMs,
          isTrusted,
        },
        presence: { serverNowMs: knownNowMs },
      },
    },
  );
  function record(outcome: Outcome): void {
    const outcomes = actor.system.get('outcomes') as Actor<typeof outcomesMachine> | undefined;
    if (outcomes !== undefined) outcomes.send({ type: 'OUTCOME', outcome });
    else logger.warn('a run ended too late to be recorded', { run_id: outcome.run_id });
  }
  const scheduler = () => actor.getSnapshot().children.scheduler?.getSnapshot();

  function troubled(error: unknown): void {
    trouble = error;
  }

  function known(): Lease | null {
    const mark = scheduler()?.context.mark;
    return seen && { ...seen, watermark: mark === undefined ? seen.watermark : later(seen.watermark, mark) };
  }

  function nextMarkNow() {
    const context = scheduler()?.context;
    if (context === undefined) {
      throw new Error('The scheduler is not there: nothing may be said about its progress.');
    }
    return nextMark(context, Math.floor(serverNowMs()), null);
  }

  return {
    actor,
    jobs,
    start: () => void actor.start(),
    stop: () => stopped(actor, jobs),
    async abandon() {
      try {
        actor.stop();
        jobs.stop();
      } finally {
        await giveBack(deps);
      }
    },
    serverNowMs: knownNowMs,
    vitals() {
      const { role } = actor.getSnapshot().context;
      const mark = scheduler()?.context.mark;
      return {
        leads: role === 'leader' && isTrusted(),
        term: seen?.term ?? 0,
        clockBehindMs: seen === null || !serverTime.known
          ? 0
          : clockBehindMs({ lease: seen, serverNowMs: serverNowMs() }),
        notUnderstood: queue.setAside.size,
        watermarkMs: mark === undefined || mark.claimedThroughMs === 0 ? null : watermarkMs(mark),
        schedules: queue.size,
        moments: queue.moments,
        liveJobs: jobs.size,
      };
    },
    holding: () => ({
      schedules: queue.size,
      moments: queue.moments,
      momentsOf(id) {
        const entry = queue.get(id);
        return entry === undefined ? null : momentCount(entry.schedule);
      },
    }),
    status() {
      const state = actor.getSnapshot().value;
      const name = typeof state === 'string' ? state : 'draining';
      // Of one that has slept through its lease nothing is due: it has yet to find out that it was followed.
      const leads = scheduler()?.context.grant != null && isTrusted();
      const overdueMs = leads ? serverNowMs() - queue.nextDueMs() : 0;
      return statusOf(name, overdueMs, clock.monotonic() - lastAnswerMs < lease.durationMs, trouble);
    },
  };
}

/** A store that refuses, or whose lease is gone, answers, and is of no use. */
function statusOf(
  state: string,
  overdueMs: number,
  answersInTime: boolean,
  trouble: unknown,
): ReturnType<Replica['status']> {
  const live = overdueMs < STALLED_MS;
  const cause = trouble instanceof Error ? trouble.message : null;
  const isOfNoUse = trouble instanceof StoreRefused || trouble instanceof LeaseMissing;
  const isConnecting = state === 'connecting';
  const usesStore = answersInTime && !isOfNoUse;
  const reasons = [
    ...(live ? [] : [`this replica leads, and has been overdue for ${Math.round(overdueMs)} ms`]),
    ...(state === 'standingBy'
      ? []
      : [`this replica is ${state}${isConnecting && cause !== null ? `: ${cause}` : ''}`]),
    ...(usesStore || isConnecting ? [] : [isOfNoUse ? String(cause) : 'the store does not answer']),
  ];
  return { state, live, ready: state === 'standingBy' && usesStore, reasons };
}

/** By what the store says, since the machines may be broken. */
async function giveBack({ store, identity: { boot }, peers }: ReplicaDeps): Promise<void> {
  const { lease: { holder, term, ...lease } } = await store.lease.read();
  if (holder === null || lease.boot !== boot || lease.released_at !== null) return;
  await store.lease.release({ holder, boot, term }, 'released', peers.heir());
}

/** What goes wrong again and again is told seldom. */
function reporting({ clock, logger }: ReplicaDeps): SlotDeps['report'] {
  const seldom = new Seldom(clock, REPORT_EVERY_MS);
  return (_, { message, error }) => {
    const fields = error instanceof Error ? { error } : {};
    const untold = seldom.turn(message);
    if (untold === null) logger.debug(message, fields);
    else logger.warn(message, { ...fields, ...(untold > 0 && { untold }) });
  };
}

function logElection(logger: Logger, event: ElectionNews): void {
  switch (event.type) {
    case 'ELECTION.ROLE':
      return logger.info(event.role === 'leader' ? 'leading' : `now ${event.role}`, { role: event.role });
    case 'ELECTION.BEGAN': {
      const { began } = termsOf(event.acquisition);
      return logger.info('term began', { term: began.term, by: began.began_by, gap_ms: began.gap_ms });
    }
    case 'ELECTION.ENDED':
      return logger.info('term ended', { term: event.term, by: event.by });
  }
}

function logClockStep(logger: Logger, stepMs: number): void {
  const by_ms = Math.round(Math.abs(stepMs));
  if (stepMs > 0) return logger.warn("the database server's clock was set forward", { by_ms });
  logger.warn(
    "the database server's clock was set back: schedules fire again once it has passed what it has shown before; " +
      'what is created or changed from now on fires by the clock as it is now',
    { by_ms },
  );
}

/** Of many at once a few are told by name. */
const MAX_NAMED = 20;

function logSetAside(logger: Logger, schedules: readonly NotUnderstood[]): void {
  for (const { id, not_understood } of schedules.slice(0, MAX_NAMED)) {
    logger.warn('a schedule is not understood by this version and is set aside', {
      schedule_id: id,
      reason: not_understood,
    });
  }
  const more = schedules.length - MAX_NAMED;
  if (more > 0) logger.warn('more schedules are not understood by this version and are set aside', { more });
}

async function stopped(actor: Actor<typeof replicaMachine>, jobs: JobPool): Promise<void> {
  const done = new Promise<void>((resolve) => {
    // Without an `error`, so that one is thrown where nothing catches it, and ends the process.
    actor.subscribe({ complete: resolve });
  });
  actor.send({ type: 'STOP' });
  await done;
  jobs.stop();
}
