import { fromCallback, fromPromise } from 'xstate';
import { termHistoryMachine } from '../actors/leadership/termHistory.ts';
import { electionMachine } from '../actors/leadership/election.ts';
import { leaderWatch } from '../actors/leadership/leaderWatch.ts';
import { LeaseMissing } from '../actors/shared/storeErrors.ts';
import type { Lease } from '../domain/leadership/lease.ts';
import type { Watermark } from '../domain/leadership/watermark.ts';
import { termsOf } from '../domain/leadership/term.ts';
import { noting, prepareStore, readLease, type SlotDeps } from './deps.ts';

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
  /** A follower samples the clock with each look. A leader only writes, which is a coarser sample. */
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
        // Not awaited: the next renewal does not depend on it.
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
          // In steps: a suspended machine stops timers, but not the trust window.
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

export function fillTermHistory({ store, report }: SlotDeps) {
  return termHistoryMachine.provide({
    actors: { write: fromPromise(({ input }) => store.leadership.record(termsOf(input))) },
    actions: { report },
  });
}
