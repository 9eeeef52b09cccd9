/**
 * Deliberate bugs. Each breaks one thing that a guarantee rests on; a simulation that does not notice one has
 * a hole in its oracle.
 */
import type { ClaimBatch, ClaimResult } from '../../src/actors/firing/claimStore.ts';
import type { FeedObserver } from '../../src/actors/schedules/scheduleFeed.ts';
import type { Store } from '../../src/actors/store.ts';
import { DueQueue } from '../../src/domain/firing/dueQueue.ts';
import type { Grant, Lease } from '../../src/domain/leadership/lease.ts';
import { finished } from '../../src/domain/runs/backfill.ts';
import type { Outcome } from '../../src/domain/runs/outcome.ts';
import type { SimDatabase } from './database.ts';
import type { Mutation } from './mutation.ts';
import { RUN_MUTATIONS } from './runMutations.ts';

const withClaims = (store: Store, more: Partial<Store['claims']>): Store => ({
  ...store,
  claims: { ...store.claims, ...more },
});
const withLease = (store: Store, more: Partial<Store['lease']>): Store => ({
  ...store,
  lease: { ...store.lease, ...more },
});
const withFeed = (store: Store, more: Partial<Store['feed']>): Store => ({
  ...store,
  feed: { ...store.feed, ...more },
});

/** The definitions that are stored when the claim takes effect, instead of those that it was made from. */
function asStored(batch: ClaimBatch, db: SimDatabase): ClaimBatch {
  const requests = batch.requests.map((request) => ({
    ...request,
    get revision() {
      return db.schedules.get(request.scheduleId)?.revision ?? request.revision;
    },
    get effectiveFrom() {
      return db.schedules.get(request.scheduleId)?.effective_from ?? request.effectiveFrom;
    },
  }));
  return { ...batch, requests };
}

/** The claim, with the grant that is in force when it takes effect. */
function unfenced(batch: ClaimBatch, db: SimDatabase, isTaken: (grant: Grant) => boolean): ClaimBatch {
  const { grant, ...rest } = batch;
  return {
    ...rest,
    get grant() {
      const current = db.lease as Grant;
      return isTaken(current) ? current : grant;
    },
  };
}

const withoutTrustWindow: Mutation['lease'] = (timing) => ({ ...timing, marginMs: -1e9 });

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'the claim does not compare revisions',
    store: (store, { db }) =>
      withClaims(store, { claim: (batch) => store.claims.claim(asStored(batch, db)) }),
  },
  {
    name: 'the claim is not fenced, and the trust window is ignored',
    lease: withoutTrustWindow,
    store: (store, { db }) =>
      withClaims(store, { claim: (batch) => store.claims.claim(unfenced(batch, db, () => true)) }),
  },
  {
    name: "the claim does not look at the server's clock",
    store: (store) =>
      withClaims(store, { claim: (batch) => store.claims.claim({ ...batch, nowMs: -Infinity }) }),
  },
  { name: 'the trust window is ignored', lease: withoutTrustWindow },
  {
    name: 'a monotonic clock that stops while the machine is suspended',
    time: (sources) => ({ ...sources, uptimeMs: sources.awakeMs }),
  },
  {
    name: 'the lease is shorter in the store than its holder believes',
    store: (store) =>
      withLease(store, {
        acquire: (me, durationMs, instead) => store.lease.acquire(me, durationMs / 2, instead),
        renew: (grant, durationMs, mark) => store.lease.renew(grant, durationMs / 2, mark),
      }),
  },
  {
    name: 'the watermark is moved before the claim is committed',
    store: (store) =>
      withClaims(store, {
        async claim(batch) {
          await store.lease.renew(batch.grant, batch.durationMs, batch.marks.settled);
          return await store.claims.claim(batch);
        },
      }),
  },
  {
    name: 'the watermark is not held for stale schedules',
    store: (store) =>
      withClaims(store, {
        claim: (batch) => {
          const requests = batch.requests.map((request) => ({ ...request, owedFromMs: Infinity }));
          return store.claims.claim({ ...batch, requests });
        },
      }),
  },
  {
    name: 'the watermark is trusted for definitions that it does not cover',
    patch() {
      const { put, advance } = DueQueue.prototype;
      const covering = { mirroredThroughMs: Infinity };
      DueQueue.prototype.put = function (schedule, mark) {
        put.call(this, schedule, { ...mark, ...covering });
      };
      DueQueue.prototype.advance = function (mark) {
        advance.call(this, { ...mark, ...covering });
      };
      return () => Object.assign(DueQueue.prototype, { put, advance });
    },
  },
  {
    name: 'a definition counts from the watermark, though the clock was set back before it was made',
    patch() {
      const { put } = DueQueue.prototype;
      DueQueue.prototype.put = function (schedule, ...rest) {
        put.call(this, { ...schedule, written_at: schedule.effective_from }, ...rest);
      };
      return () => Object.assign(DueQueue.prototype, { put });
    },
  },
  {
    name: 'a schedule that is not understood is set aside and forgotten',
    patch() {
      const { putAside } = DueQueue.prototype;
      DueQueue.prototype.putAside = function (id) {
        this.remove(id);
        return false;
      };
      return () => Object.assign(DueQueue.prototype, { putAside });
    },
  },
  {
    name: 'the stream is opened after the snapshot was read',
    store: (store, { db, clock, call }) =>
      withFeed(store, {
        async snapshot(observer) {
          const { feed, ...stored } = await store.feed.snapshot(DEAF);
          feed.close();
          await new Promise<void>((resolve) => clock.setTimeout(resolve, 500));
          const end = await call('feed.open', async () => db.changes.end);
          return { ...stored, feed: await store.feed.resume(end, observer) };
        },
      }),
  },
  {
    name: 'a broken stream goes on at its present end',
    store: (store, { db }) =>
      withFeed(store, { resume: (_token, observer) => store.feed.resume(db.changes.end, observer) }),
  },
  {
    name: 'the progress of the stream is told ahead of its changes',
    store: (store) => {
      const hasty = (observer: FeedObserver): FeedObserver => ({
        ...observer,
        progress: (throughMs) => observer.progress(throughMs + 1500),
      });
      return withFeed(store, {
        snapshot: (observer) => store.feed.snapshot(hasty(observer)),
        resume: (token, observer) => store.feed.resume(token, hasty(observer)),
      });
    },
  },
  {
    name: 'a claim without an answer counts as not committed',
    store: (store) => withClaims(store, { resolve: async () => [] }),
  },
  {
    name: 'a claim without an answer counts as committed',
    store: (store) => withClaims(store, { resolve: async (runs) => [...runs] }),
  },
  {
    name: 'a run that was claimed before is executed again',
    store: (store, { db }) =>
      withClaims(store, {
        async claim(batch) {
          const result: ClaimResult = await store.claims.claim(batch);
          if (result.kind !== 'committed') return result;
          const others = result.duplicates.flatMap((id) => db.run(id) ?? []);
          const runs = others.map((run) => ({ ...run, state: 'claimed' as const }));
          return { ...result, runs: [...result.runs, ...runs] };
        },
      }),
  },
  {
    name: 'superseded definitions are not kept',
    database(db) {
      const { changes } = db;
      const append = changes.append.bind(changes);
      changes.append = (change) => {
        if (change.kind === 'upsert') change.schedule.superseded = [];
        append(change);
      };
    },
  },
  {
    name: "the replica's wall clock stands in for the server's",
    store(store, { clock }) {
      const local = (lease: Lease) => ({ ...lease, renewed_at: new Date(clock.now()) });
      return withLease(store, {
        read: async () => ({ ...await store.lease.read(), serverNowMs: clock.now() }),
        async acquire(...args) {
          const won = await store.lease.acquire(...args);
          return won && { ...won, lease: local(won.lease) };
        },
        async renew(...args) {
          const lease = await store.lease.renew(...args);
          return lease && local(lease);
        },
      });
    },
  },
  {
    name: 'outcomes are not fenced by attempt',
    store(store, { db }) {
      const asOfNow = (outcome: Outcome): Outcome => ({
        ...outcome,
        get attempt() {
          return db.run(outcome.run_id)?.attempt ?? outcome.attempt;
        },
        get executor_boot() {
          return db.run(outcome.run_id)?.executor_boot ?? outcome.executor_boot;
        },
      });
      return {
        ...store,
        runs: { ...store.runs, record: (outcomes) => store.runs.record(outcomes.map(asOfNow)) },
      };
    },
  },
  {
    name: 'outcomes that could not be written are forgotten',
    store: (store) => ({
      ...store,
      runs: { ...store.runs, record: (outcomes) => store.runs.record(outcomes).catch(() => []) },
    }),
  },
  {
    name: 'the cancellation of a backfill leaves its runs alone',
    store: (store, { db, call }) => ({
      ...store,
      backfills: {
        ...store.backfills,
        cancel: (id) =>
          call('backfills.cancel', async () => {
            const backfill = db.backfill(id);
            if (backfill === undefined) return null;
            const isNew = backfill.state === 'running';
            if (isNew) Object.assign(backfill, finished('cancelled', db.now()));
            return structuredClone({ backfill, isNew });
          }),
      },
    }),
  },
  {
    name: 'a backfill passes over what it could not begin yet',
    store: (store, { db }) => ({
      ...store,
      backfills: {
        ...store.backfills,
        async advance(id) {
          const isMore = await store.backfills.advance(id);
          const backfill = db.backfill(id);
          const open = db.openRuns().filter(({ backfill_id }) => backfill_id === id);
          if (backfill?.state === 'running' && open.length >= backfill.max_concurrent) {
            backfill.cursor = new Date(backfill.to.getTime() - 1);
          }
          return isMore;
        },
      },
    }),
  },
  ...RUN_MUTATIONS,
];

const DEAF: FeedObserver = { change: () => {}, progress: () => {}, failed: () => {} };
