/**
 * One replica, assembled: the machines with their slots filled in by a store, a clock, a random source and an
 * action. Whatever those are, real or simulated, this is the product; `main.ts` makes it a process.
 */
import { type Actor, createActor, fromPromise, waitFor } from 'xstate';
import type { ElectionNews } from './actors/events.ts';
import { JobPool } from './actors/jobs.ts';
import type { Logger } from './actors/ports.ts';
import { replicaMachine } from './actors/replica.ts';
import type { outcomesMachine } from './actors/outcomes.ts';
import { nextMark } from './actors/scheduler.ts';
import { DueQueue } from './domain/dueQueue.ts';
import { termsOf } from './domain/leadership.ts';
import { watermarkMs } from './domain/lease.ts';
import type { Outcome } from './domain/run.ts';
import { ServerTime } from './domain/serverTime.ts';
import { TrustWindow } from './domain/trustWindow.ts';
import type { Vitals } from './infra/metrics/replica.ts';
import { Seldom } from './infra/seldom.ts';
import {
  fillAdoption,
  fillChronicle,
  fillElection,
  fillJob,
  fillMirror,
  fillOutcomes,
  fillPresence,
  fillRun,
  fillScheduler,
  type ReplicaDeps,
  type SlotDeps,
} from './slots.ts';

export interface Replica {
  start(): void;
  /** Resolves when everything is settled, released and recorded, or the time for it is over. */
  stop(): Promise<void>;
  /** For the API and for probes. */
  status(): { state: string; live: boolean; ready: boolean; reasons: string[] };
  /** The server's clock as far as it is known, epoch ms; this machine's before that. */
  serverNowMs(): number;
  /** For metrics. */
  vitals(): Omit<Vitals, 'addressOk' | 'leaderWatched'>;
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
  const slots: SlotDeps = { ...deps, serverTime, trust, report };
  const queue = new DueQueue();
  let lastAnswerMs = -Infinity;
  let term = 0;
  const serverNowMs = () => serverTime.nowMs(clock.monotonic());
  const knownNowMs = () => serverTime.known ? serverNowMs() : clock.now();
  const isTrusted = () => trust.leftMs(clock.monotonic()) > 0;
  const jobs = new JobPool(fillJob(slots, record), fillRun(slots), { clock, serverNowMs, inspect });
  const actor: Actor<typeof replicaMachine> = createActor(
    replicaMachine.provide({
      actors: {
        mirror: fillMirror(slots),
        scheduler: fillScheduler(slots),
        adoption: fillAdoption(slots),
        election: fillElection(
          slots,
          (seen) => {
            lastAnswerMs = clock.monotonic();
            term = Math.max(term, seen?.term ?? 0);
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
        },
        scheduler: {
          queue,
          jobs,
          replica: identity.id,
          boot: identity.boot,
          leaseDurationMs: lease.durationMs,
          serverNowMs,
          isTrusted,
        },
        adoption: {
          queue,
          jobs,
          replica: identity.id,
          boot: identity.boot,
          serverNowMs,
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
    serverNowMs: knownNowMs,
    vitals() {
      const { role } = actor.getSnapshot().context;
      const mark = scheduler()?.context.mark;
      return {
        leads: role === 'leader' && isTrusted(),
        term,
        watermarkMs: mark === undefined || mark.claimedThroughMs === 0 ? null : watermarkMs(mark),
        schedules: queue.size,
        liveJobs: jobs.size,
      };
    },
    status() {
      const state = actor.getSnapshot().value;
      const name = typeof state === 'string' ? state : 'draining';
      const overdueMs = scheduler()?.context.grant ? serverNowMs() - queue.nextDueMs() : 0;
      return statusOf(name, overdueMs, clock.monotonic() - lastAnswerMs < lease.durationMs);
    },
  };
}

function statusOf(state: string, overdueMs: number, storeAnswers: boolean): ReturnType<Replica['status']> {
  const live = overdueMs < STALLED_MS;
  const reasons = [
    ...(live ? [] : [`this replica leads, and has been overdue for ${Math.round(overdueMs)} ms`]),
    ...(state === 'standingBy' ? [] : [`this replica is ${state}`]),
    ...(storeAnswers || state === 'connecting' ? [] : ['the store does not answer']),
  ];
  return { state, live, ready: state === 'standingBy' && storeAnswers, reasons };
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

async function stopped(actor: Actor<typeof replicaMachine>, jobs: JobPool): Promise<void> {
  const done = new Promise<void>((resolve) => {
    actor.subscribe({ complete: resolve, error: () => resolve() });
  });
  actor.send({ type: 'STOP' });
  await done;
  jobs.stop();
}
