import { fromCallback, fromPromise } from 'xstate';
import { termHistoryMachine } from '../actors/leadership/termHistory.ts';
import { electionMachine } from '../actors/leadership/election.ts';
import type { ElectionSignal, LeaderEvent } from '../actors/leadership/electionSetup.ts';
import { leaderWatch } from '../actors/leadership/leaderWatch.ts';
import { LeaseMissing } from '../actors/shared/storeErrors.ts';
import type { Lease } from '../domain/leadership/lease.ts';
import type { Watermark } from '../domain/leadership/watermark.ts';
import { termsOf } from '../domain/leadership/term.ts';
import { noting, prepareStore, readLease, type SlotDeps } from './deps.ts';

/** `acknowledged` receives the lease of each answer; `mark` is what a renewal writes. */
export function fillElection(
  deps: SlotDeps,
  acknowledged: (lease: Lease | null) => void,
  mark: () => Watermark,
) {
  const { store, lease, peers, trust, known, askedInVain, report } = deps;
  const read = async () => {
    const reading = await readLease(deps);
    acknowledged(reading.lease);
    return reading;
  };
  const renewing = trustRenewal(deps, acknowledged);
  const sampleClock = clockSampler(deps);
  return electionMachine.provide({
    actors: {
      read: fromPromise(() =>
        noting(deps, () =>
          read().catch(async (error) => {
            if (!(error instanceof LeaseMissing)) throw error;
            await prepareStore(deps);
            return await read();
          }))
      ),
      acquire: fromPromise(({ input: { me, instead } }) =>
        renewing(
          () =>
            store.lease.acquire(me, lease.durationMs, instead, known()?.term).catch((error) => {
              if (!(error instanceof LeaseMissing)) askedInVain();
              throw error;
            }),
          (won) => won.lease,
        )
      ),
      renew: fromPromise(async ({ input }) => {
        const held = await renewing(
          () => store.lease.renew(input.grant, lease.durationMs, mark()),
          (held) => held,
        );
        // Not awaited: the next renewal does not depend on it.
        void sampleClock();
        return held;
      }),
      release: fromPromise(({ input }) => store.lease.release(input.grant, input.by, peers.heir())),
      watchLease: leaseWatch(deps),
      watchLeader: leaderProcessWatch(deps),
      watchTrust: trustWatch(deps),
    },
    actions: { report, endTrust: () => trust.end() },
  });
}

/** Wraps a call that renews the trust window when it succeeds, and samples the server's clock. */
function trustRenewal(deps: SlotDeps, acknowledged: (lease: Lease | null) => void) {
  const { clock, trust, sampled } = deps;
  return async <T>(call: () => Promise<T | null>, leaseOf: (answer: T) => Lease): Promise<T | null> => {
    const startedMs = clock.monotonic();
    const answer = await noting(deps, call);
    acknowledged(answer && leaseOf(answer));
    if (answer === null) return null;
    trust.renewed(startedMs);
    const { renewed_at } = leaseOf(answer);
    if (renewed_at !== null) sampled(startedMs, clock.monotonic(), renewed_at.getTime(), 'write');
    return answer;
  };
}

/** A follower samples the clock with each read of the lease. A leader only writes, which is a coarser sample. */
function clockSampler(deps: SlotDeps): () => Promise<void> {
  const { clock, serverTime, report } = deps;
  let isReading = false;
  return async () => {
    if (isReading || !serverTime.wantsRead(clock.monotonic())) return;
    isReading = true;
    try {
      await readLease(deps);
    } catch (error) {
      report(null, { message: "the server's clock could not be read; retrying", error });
    } finally {
      isReading = false;
    }
  };
}

/** Hints about the lease go to the election, those about runs to the executor. */
function leaseWatch({ store, identity, tellRuns, report }: SlotDeps) {
  return fromCallback<ElectionSignal>(({ sendBack }) =>
    store.lease.watch(
      identity.boot,
      (hint) => {
        if (hint === 'run available') tellRuns({ type: 'RUNS.AVAILABLE' });
        else if (hint === 'run cancelled') tellRuns({ type: 'RUNS.CANCELLED' });
        else sendBack({ type: 'HINT', hint });
      },
      (error) => report(null, { message: 'the watch on the lease broke; polling continues', error }),
    )
  );
}

function leaderProcessWatch({ peers, clock, identity, serverTime }: SlotDeps) {
  return fromCallback<LeaderEvent>(({ receive, sendBack }) => {
    const watch = leaderWatch(peers, clock, identity.boot, (grant, sinceMs) => {
      const diedAt = new Date(Math.floor(serverTime.nowMs(clock.monotonic()) - sinceMs));
      sendBack({ type: 'LEADER.DEAD', grant: { ...grant, diedAt } });
    });
    receive(({ reading }) => watch.follow(reading));
    return watch.end;
  });
}

function trustWatch({ clock, trust, lease }: SlotDeps) {
  return fromCallback<ElectionSignal>(({ sendBack }) => {
    let timer: unknown;
    const watch = () => {
      const leftMs = trust.leftMs(clock.monotonic());
      // In steps: a suspended machine stops timers, but not the trust window.
      if (leftMs > 0) timer = clock.setTimeout(watch, Math.min(leftMs, lease.retryMs));
      else sendBack({ type: 'TRUST.OVER' });
    };
    watch();
    return () => clock.clearTimeout(timer);
  });
}

export function fillTermHistory({ store, report }: SlotDeps) {
  return termHistoryMachine.provide({
    actors: { write: fromPromise(({ input }) => store.leadership.record(termsOf(input))) },
    actions: { report },
  });
}
