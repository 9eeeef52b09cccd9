/**
 * What the machines leave open, filled in with the store, the clock and the rest: the calls that they make, and
 * where they tell what they did. A machine says when; here is what.
 */
import { fromCallback, fromPromise, type InspectionEvent } from 'xstate';
import { adoptionMachine, DEAD_AFTER_MS, MAX_ADOPTED } from './actors/adoption.ts';
import { chronicleMachine } from './actors/chronicle.ts';
import { electionMachine } from './actors/election.ts';
import { jobMachine } from './actors/job.ts';
import { leaderWatch } from './actors/leaderWatch.ts';
import { mirrorMachine } from './actors/mirror.ts';
import { outcomesMachine } from './actors/outcomes.ts';
import { presenceMachine } from './actors/presence.ts';
import { runMachine } from './actors/run.ts';
import { schedulerMachine } from './actors/scheduler.ts';
import type { ReplicaObserver } from './actors/observer.ts';
import type { Clock, Execute, Logger, Peers, Random, Store } from './actors/ports.ts';
import { termsOf } from './domain/leadership.ts';
import type { Lease, LeaseTiming, Watermark } from './domain/lease.ts';
import { leaseSettings } from './domain/replica.ts';
import { isHeld, type Outcome } from './domain/run.ts';
import type { ServerTime } from './domain/serverTime.ts';
import type { TrustWindow } from './domain/trustWindow.ts';

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
  /** What is wrong with this replica at the moment, for its entry; must stay the same while nothing changes. */
  warnings?: () => string[];
  /** Told what all actors of this replica do. */
  inspect?: ((event: InspectionEvent) => void) | undefined;
  observer?: Partial<ReplicaObserver>;
}

/** What one replica's machines share besides. */
export interface SlotDeps extends ReplicaDeps {
  serverTime: ServerTime;
  trust: TrustWindow;
  report(_: unknown, params: { message: string; error?: unknown }): void;
}

/** Three heartbeats are missing; and for how long a lost replica is still shown. */
const PRESENCE_LIMITS = { lostAfterMs: 3000, goneAfterMs: 60_000 };

export function fillJob({ logger, observer }: SlotDeps, settled: (outcome: Outcome) => void) {
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

export function fillMirror({ store, logger, report }: SlotDeps) {
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

export function fillScheduler({ store, clock, logger, observer, trust, report }: SlotDeps) {
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

export function fillAdoption({ store, logger, observer, report }: SlotDeps) {
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

export function fillElection(
  { store, clock, lease, peers, identity, trust, serverTime, report }: SlotDeps,
  answered: (seen: Lease | null) => void,
  mark: () => Watermark,
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

export function fillPresence({ store, identity, lease, warnings, clock, report }: SlotDeps) {
  const { id, boot, address, version } = identity;
  const lease_timing = leaseSettings(lease);
  const started_at = new Date(clock.now());
  return presenceMachine.provide({
    actors: {
      announce: fromPromise(({ input }) =>
        store.presence.announce({
          ...{ id, boot, ...input, address, version, started_at, lease_timing },
          warnings: warnings?.() ?? [],
        })
      ),
      leave: fromPromise(() => store.presence.leave(boot)),
    },
    actions: { report },
  });
}

export function fillOutcomes({ store, logger, report }: SlotDeps) {
  return outcomesMachine.provide({
    actors: { write: fromPromise(({ input }) => store.runs.record(input.outcomes)) },
    actions: {
      report,
      dropped: (_, { outcome }) =>
        logger.error('an outcome is lost: too many wait to be recorded', { run_id: outcome.run_id }),
    },
  });
}

export function fillChronicle({ store, report }: SlotDeps) {
  return chronicleMachine.provide({
    actors: { write: fromPromise(({ input }) => store.leadership.record(termsOf(input))) },
    actions: { report },
  });
}
