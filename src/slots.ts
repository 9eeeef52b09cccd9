/**
 * What the machines leave open, filled in with the store, the clock and the rest: the calls that they make, and
 * where they tell what they did. A machine says when; here is what.
 */
import { fromCallback, fromPromise, type InspectionEvent } from 'xstate';
import { adoptionMachine } from './actors/adoption.ts';
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
import {
  type Clock,
  type Execute,
  type FeedObserver,
  LeaseMissing,
  type Logger,
  type Peers,
  type Random,
  type Store,
} from './actors/ports.ts';
import { termsOf } from './domain/leadership.ts';
import type { Lease, LeaseReading, LeaseTiming, Watermark } from './domain/lease.ts';
import { leaseSettings } from './domain/replica.ts';
import { isHeld, isUnbegun, type Outcome } from './domain/run.ts';
import type { SampleOf, ServerTime } from './domain/serverTime.ts';
import { OrphanSearch } from './orphanSearch.ts';
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
  /** The lease as it was last seen, with the latest watermark that we know; null before the first look. */
  known(): Lease | null;
  /** The store can't be used just now, for this reason. */
  troubled(error: unknown): void;
  report(_: unknown, params: { message: string; error?: unknown }): void;
  /** The server's time was told by a call that was sent and answered then, monotonic. */
  sampled(sentMs: number, receivedMs: number, serverMs: number, of: SampleOf): void;
}

/** How often the leader looks whether collections or indexes are gone. */
const PREPARE_EVERY_MS = 10_000;
/** Three heartbeats are missing; and for how long a lost replica is still shown. */
const PRESENCE_LIMITS = { lostAfterMs: 3000, goneAfterMs: 60_000 };

export function fillJob({ logger }: SlotDeps, settled: (outcome: Outcome) => void) {
  return jobMachine.provide({
    actions: {
      settled: (_, { outcome }) => settled(outcome),
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

/** Has the store make what is missing in it, and says what that was. */
async function prepareStore({ store, logger, known }: SlotDeps): Promise<void> {
  const lease = known();
  const made = await store.prepare(lease);
  if (made.length === 0) return;
  if (lease === null) logger.info('prepared the database', { made });
  else logger.warn('parts of the database were gone, and are made again', { made });
}

async function noting<T>({ troubled }: SlotDeps, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    troubled(error);
    throw error;
  }
}

export function fillMirror(deps: SlotDeps) {
  const { store, logger, report } = deps;
  const load = async (observer: FeedObserver) => {
    await prepareStore(deps);
    const { lease } = await store.lease.read();
    const snapshot = await store.feed.snapshot(observer);
    logger.info('schedules loaded', { schedules: snapshot.schedules.length });
    return { mark: lease.watermark, ...snapshot };
  };
  return mirrorMachine.provide({
    actors: {
      load: fromPromise(({ input }) => noting(deps, () => load(input.observer))),
      resume: fromPromise(({ input }) => store.feed.resume(input.token, input.observer)),
    },
    actions: { report },
  });
}

export function fillScheduler({ store, clock, logger, observer, trust, sampled, report }: SlotDeps) {
  return schedulerMachine.provide({
    actors: {
      claim: fromPromise(async ({ input }) => {
        const startedMs = clock.monotonic();
        const result = await store.claims.claim(input);
        if (result.kind === 'committed') trust.renewed(startedMs);
        if (result.kind === 'early') sampled(startedMs, clock.monotonic(), result.serverNowMs, 'write');
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

/** The lease as the server sees it, and a sample of its clock. */
async function readLease({ store, clock, sampled }: SlotDeps): Promise<LeaseReading> {
  const sentMs = clock.monotonic();
  const reading = await store.lease.read();
  sampled(sentMs, clock.monotonic(), reading.serverNowMs, 'read');
  return reading;
}

export function fillAdoption(deps: SlotDeps) {
  const { store, clock, logger, observer, report } = deps;
  const search = new OrphanSearch(store);
  let preparedMs = clock.monotonic();
  /** Nothing of it is waited for: firing needs none of it. */
  const upkeep = () => {
    // What it finds is for display.
    store.presence.sweep(PRESENCE_LIMITS).catch((error: Error) =>
      report(null, { message: 'lost replicas could not be noted; trying again', error })
    );
    if (clock.monotonic() - preparedMs < PREPARE_EVERY_MS) return;
    preparedMs = clock.monotonic();
    prepareStore(deps).catch((error: Error) =>
      report(null, { message: 'the database could not be looked through; trying again', error })
    );
  };
  return adoptionMachine.provide({
    actors: {
      look: fromPromise(async ({ input: { boot, knows } }) => {
        upkeep();
        const sighting = await search.orphans(boot, knows);
        // A clock that was set just before makes everybody look dead.
        if (!sighting.orphans.every(isUnbegun)) await readLease(deps);
        return sighting;
      }),
      adopt: fromPromise(({ input }) => store.runs.adopt(input.adoptions, input.by)),
    },
    actions: {
      report,
      adopted: (_, { runs, abandoned, requested }) => {
        observer?.abandoned?.(abandoned.length);
        if (requested > 0) logger.debug('began requested runs', { requested });
        const adopted = runs.length - requested;
        if (adopted + abandoned.length === 0) return;
        logger.info('took care of the runs of a lost executor', { adopted, abandoned: abandoned.length });
      },
    },
  });
}

export function fillElection(
  deps: SlotDeps,
  answered: (seen: Lease | null) => void,
  mark: () => Watermark,
) {
  const { store, clock, lease, peers, identity, trust, serverTime, sampled, known, report } = deps;
  const look = async () => {
    const reading = await readLease(deps);
    answered(reading.lease);
    return reading;
  };
  /** Runs a call that renews the trust window when it succeeds, and samples the server's clock. */
  const renewing = async <T>(
    call: () => Promise<T | null>,
    leaseOf: (answer: T) => Lease,
  ): Promise<T | null> => {
    const startedMs = clock.monotonic();
    const answer = await noting(deps, call);
    answered(answer && leaseOf(answer));
    if (answer === null) return null;
    trust.renewed(startedMs);
    const { renewed_at } = leaseOf(answer);
    if (renewed_at !== null) sampled(startedMs, clock.monotonic(), renewed_at.getTime(), 'write');
    return answer;
  };
  let isReading = false;
  /** A follower reads with each look. A leader only writes, which tells less of the server's clock. */
  const readClock = async () => {
    if (isReading || !serverTime.wantsRead(clock.monotonic())) return;
    isReading = true;
    try {
      await readLease(deps);
    } catch (error) {
      report(null, { message: "the server's clock could not be read; trying again", error });
    } finally {
      isReading = false;
    }
  };
  return electionMachine.provide({
    actors: {
      read: fromPromise(() =>
        noting(deps, () =>
          look().catch(async (error) => {
            if (!(error instanceof LeaseMissing)) throw error;
            await prepareStore(deps);
            return await look();
          }))
      ),
      acquire: fromPromise(({ input: { me, instead } }) =>
        renewing(
          () => store.lease.acquire(me, lease.durationMs, instead, known()?.term),
          (won) => won.lease,
        )
      ),
      renew: fromPromise(async ({ input }) => {
        const held = await renewing(
          () => store.lease.renew(input.grant, lease.durationMs, mark()),
          (held) => held,
        );
        // Not waited for: the next renewal does not depend on it.
        void readClock();
        return held;
      }),
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
          // In pieces: timers stand still while the machine is suspended, and trust does not.
          if (leftMs > 0) timer = clock.setTimeout(watch, Math.min(leftMs, lease.retryMs));
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
