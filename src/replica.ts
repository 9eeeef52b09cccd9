/**
 * One replica, assembled: the machines with their slots filled in by a store, a clock, a random source and an
 * action. Whatever those are, real or simulated, this is the product; `main.ts` makes it a process.
 */
import { type Actor, createActor, fromCallback, fromPromise, type InspectionEvent, waitFor } from 'xstate';
import { adoptionMachine, DEAD_AFTER_MS, MAX_ADOPTED } from './actors/adoption.ts';
import { electionMachine } from './actors/election.ts';
import type { ElectionNews } from './actors/events.ts';
import { chronicleMachine } from './actors/chronicle.ts';
import { jobMachine } from './actors/job.ts';
import { JobPool } from './actors/jobs.ts';
import { mirrorMachine } from './actors/mirror.ts';
import { outcomesMachine } from './actors/outcomes.ts';
import { leaderWatch } from './actors/leaderWatch.ts';
import type { ReplicaObserver } from './actors/observer.ts';
import type { Clock, Execute, Logger, Peers, Random, Store } from './actors/ports.ts';
import { presenceMachine } from './actors/presence.ts';
import { replicaMachine } from './actors/replica.ts';
import { runMachine } from './actors/run.ts';
import { nextMark, schedulerMachine } from './actors/scheduler.ts';
import { DueQueue } from './domain/dueQueue.ts';
import { termsOf } from './domain/leadership.ts';
import { type Lease, type LeaseTiming, watermarkMs } from './domain/lease.ts';
import { isHeld, type Outcome } from './domain/run.ts';
import { ServerTime } from './domain/serverTime.ts';
import { TrustWindow } from './domain/trustWindow.ts';
import type { Vitals } from './infra/metrics/replica.ts';
import { Seldom } from './infra/seldom.ts';

export interface ReplicaDeps {
  store: Store;
  clock: Clock;
  random: Random;
  logger: Logger;
  execute: Execute;
  peers: Peers;
  /** Name, uuid of this life, where the API is, version of the program. */
  identity: { id: string; boot: string; address: string; version: string };
  lease: LeaseTiming;
  graceMs: number;
  /** Told what all actors of this replica do. */
  inspect?: ((event: InspectionEvent) => void) | undefined;
  observer?: Partial<ReplicaObserver>;
}

export interface Replica {
  start(): void;
  /** Resolves when everything is settled, released and recorded, or the time for it is over. */
  stop(): Promise<void>;
  /** For the API and for probes. */
  status(): { state: string; live: boolean; ready: boolean; reasons: string[] };
  /** The server's clock as far as it is known, epoch ms; this machine's before that. */
  serverNowMs(): number;
  /** For metrics. */
  vitals(): Vitals;
  actor: Actor<typeof replicaMachine>;
  jobs: JobPool;
}

/** A leader whose queue has been overdue for this long does not do its work: livez says so. */
const STALLED_MS = 10_000;
/** What goes wrong again and again is told at debug level in between (G9). */
const REPORT_EVERY_MS = 5000;

/** Three heartbeats are missing; and for how long a lost replica is still shown. */
const PRESENCE_LIMITS = { lostAfterMs: 3000, goneAfterMs: 60_000 };

export function assembleReplica(deps: ReplicaDeps): Replica {
  const { store, clock, random, logger, identity, lease, graceMs, observer, inspect } = deps;
  const serverTime = new ServerTime();
  const trust = new TrustWindow(lease);
  const queue = new DueQueue();
  let lastAnswerMs = -Infinity;
  let term = 0;
  const serverNowMs = () => serverTime.nowMs(clock.monotonic());
  const knownNowMs = () => serverTime.known ? serverNowMs() : clock.now();
  const isTrusted = () => trust.leftMs(clock.monotonic()) > 0;
  const seldom = new Seldom(clock, REPORT_EVERY_MS);
  const report = (_: unknown, { message, error }: { message: string; error?: unknown }) => {
    const fields = error instanceof Error ? { error } : {};
    const untold = seldom.turn(message);
    if (untold === null) logger.debug(message, fields);
    else logger.warn(message, { ...fields, ...(untold > 0 && { untold }) });
  };

  const jobs = new JobPool(fillJob(deps, record), fillRun(deps), { clock, serverNowMs, inspect });
  const actor: Actor<typeof replicaMachine> = createActor(
    replicaMachine.provide({
      actors: {
        mirror: fillMirror(deps, report),
        scheduler: fillScheduler(deps, trust, report),
        adoption: fillAdoption(deps, report),
        election: fillElection(
          deps,
          trust,
          serverTime,
          (seen) => {
            lastAnswerMs = clock.monotonic();
            term = Math.max(term, seen?.term ?? 0);
          },
          nextMarkNow,
          report,
        ),
        outcomes: outcomesMachine.provide({
          actors: { write: fromPromise(({ input }) => store.runs.record(input.outcomes)) },
          actions: {
            report,
            dropped: (_, { outcome }) =>
              logger.error('an outcome is lost: too many wait to be recorded', { run_id: outcome.run_id }),
          },
        }),
        presence: fillPresence(deps, report),
        chronicle: chronicleMachine.provide({
          actors: { write: fromPromise(({ input }) => store.leadership.record(termsOf(input))) },
          actions: { report },
        }),
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
      const live = overdueMs < STALLED_MS;
      const answers = clock.monotonic() - lastAnswerMs < lease.durationMs;
      const reasons = [
        ...(live ? [] : [`this replica leads, and has been overdue for ${Math.round(overdueMs)} ms`]),
        ...(name === 'standingBy' ? [] : [`this replica is ${name}`]),
        ...(answers || name === 'connecting' ? [] : ['the store does not answer']),
      ];
      return { state: name, live, ready: name === 'standingBy' && answers, reasons };
    },
  };
}

type Report = (_: unknown, params: { message: string; error?: unknown }) => void;

function fillJob({ logger, observer }: ReplicaDeps, settled: (outcome: Outcome) => void) {
  return jobMachine.provide({
    actions: {
      settled: (_, { outcome }) => {
        observer?.settled?.(outcome);
        settled(outcome);
      },
      crashed: (_, { runId, error }) =>
        logger.error('a run came to no end: this is a bug', { run_id: runId, error }),
    },
  });
}

function fillRun({ store, execute, observer }: ReplicaDeps) {
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

function fillMirror({ store, logger }: ReplicaDeps, report: Report) {
  return mirrorMachine.provide({
    actors: {
      load: fromPromise(async ({ input }) => {
        await store.prepare();
        const { lease } = await store.lease.read();
        const { schedules, feed } = await store.feed.snapshot(input.observer);
        logger.info('schedules loaded', { schedules: schedules.length });
        return { mark: lease.watermark, schedules, feed };
      }),
      resume: fromPromise(({ input }) => store.feed.resume(input.token, input.observer)),
    },
    actions: { report },
  });
}

function fillScheduler({ store, clock, logger, observer }: ReplicaDeps, trust: TrustWindow, report: Report) {
  return schedulerMachine.provide({
    actors: {
      claim: fromPromise(async ({ input }) => {
        const startedMs = clock.monotonic();
        const result = await store.claims.claim(input);
        if (result.kind === 'committed') trust.renewed(startedMs);
        return result;
      }),
      resolve: fromPromise(async ({ input }) => {
        const runs = await store.claims.resolve(input.runs, input.boot);
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

function fillAdoption({ store, logger, observer }: ReplicaDeps, report: Report) {
  return adoptionMachine.provide({
    actors: {
      look: fromPromise(async ({ input: { boot, knows } }) => {
        const query = { exceptBoot: boot, deadAfterMs: DEAD_AFTER_MS, limit: MAX_ADOPTED };
        // Not waited for: what it finds is for display.
        store.presence.sweep(PRESENCE_LIMITS).catch((error: Error) =>
          report(null, { message: 'lost replicas could not be noted; trying again', error })
        );
        const orphans = await store.runs.orphans(query);
        const unknown = [...new Set(orphans.map((run) => run.schedule_id))].filter((id) => !knows(id));
        const found = await Promise.all(unknown.map((id) => store.schedules.get(id)));
        return { orphans, gone: new Set(unknown.filter((_, index) => found[index] === null)) };
      }),
      adopt: fromPromise(({ input }) => store.runs.adopt(input.adoptions, input.by)),
    },
    actions: {
      report,
      adopted: (_, { runs, abandoned, requested }) => {
        observer?.abandoned?.(abandoned);
        if (requested > 0) logger.debug('began requested runs', { requested });
        if (runs.length + abandoned <= requested) return;
        logger.info('took care of the runs of a lost executor', {
          adopted: runs.length - requested,
          abandoned,
        });
      },
    },
  });
}

function fillElection(
  { store, clock, lease, peers, identity }: ReplicaDeps,
  trust: TrustWindow,
  serverTime: ServerTime,
  answered: (seen: Lease | null) => void,
  mark: () => ReturnType<typeof nextMark>,
  report: Report,
) {
  /** Runs a call that renews the trust window when it succeeds, and samples the server's clock. */
  const renewing = async <T>(
    call: () => Promise<T | null>,
    leaseOf: (answer: T) => Lease,
  ): Promise<T | null> => {
    const startedMs = clock.monotonic();
    const answer = await call();
    answered(answer && leaseOf(answer));
    if (answer === null) return null;
    trust.renewed(startedMs);
    const { renewed_at } = leaseOf(answer);
    if (renewed_at !== null) serverTime.sample(startedMs, clock.monotonic(), renewed_at.getTime());
    return answer;
  };
  return electionMachine.provide({
    actors: {
      read: fromPromise(async () => {
        const sentMs = clock.monotonic();
        const reading = await store.lease.read();
        answered(reading.lease);
        serverTime.sample(sentMs, clock.monotonic(), reading.serverNowMs);
        return reading;
      }),
      acquire: fromPromise(({ input: { me, instead } }) =>
        renewing(() => store.lease.acquire(me, lease.durationMs, instead), (won) => won.lease)
      ),
      renew: fromPromise(({ input }) =>
        renewing(() => store.lease.renew(input.grant, lease.durationMs, mark()), (held) => held)
      ),
      release: fromPromise(({ input }) => store.lease.release(input.grant, input.by, peers.heir())),
      watchLease: fromCallback(({ sendBack }) =>
        store.lease.watch(
          identity.boot,
          (hint) => sendBack(hint === 'request' ? { type: 'REQUEST' } : { type: 'HINT', hint }),
          (error) =>
            report(null, { message: 'the watch on the lease broke; looking at intervals goes on', error }),
        )
      ),
      watchLeader: fromCallback(({ receive, sendBack }) => {
        const watch = leaderWatch(peers, clock, identity.boot, (grant, sinceMs) => {
          const diedAt = new Date(Math.floor(serverTime.nowMs(clock.monotonic()) - sinceMs));
          sendBack({ type: 'LEADER.DEAD', grant: { ...grant, diedAt } });
        });
        receive(({ reading }) => watch.follow(reading));
        return watch.end;
      }),
      watchTrust: fromCallback(({ sendBack }) => {
        let timer: unknown;
        const watch = () => {
          const leftMs = trust.leftMs(clock.monotonic());
          if (leftMs > 0) timer = clock.setTimeout(watch, leftMs);
          else sendBack({ type: 'TRUST.OVER' });
        };
        watch();
        return () => clock.clearTimeout(timer);
      }),
    },
    actions: { report, endTrust: () => trust.end() },
  });
}

function fillPresence({ store, identity, clock }: ReplicaDeps, report: Report) {
  const { id, boot, address, version } = identity;
  const started_at = new Date(clock.now());
  return presenceMachine.provide({
    actors: {
      announce: fromPromise(({ input }) =>
        store.presence.announce({ id, boot, ...input, address, version, started_at })
      ),
      leave: fromPromise(() => store.presence.leave(boot)),
    },
    actions: { report },
  });
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
