/**
 * A store that tells of every call: which one, how long it took, and how it failed. Each failure is told once,
 * whoever asked and whatever becomes of it.
 */
import type { OpenEvents } from '../../actors/events/eventFeed.ts';
import type { FeedObserver } from '../../actors/schedules/scheduleFeed.ts';
import type { Clock } from '../../actors/shared/environment.ts';
import { ChangeDeclined } from '../../actors/shared/storeErrors.ts';
import type { Store } from '../../actors/store.ts';

/** `operation` is the port's and the method's name, such as `lease.renew`: a closed set. */
export interface StoreObserver {
  /** A call has been answered, or has failed. */
  called(operation: string, tookMs: number): void;
  /** A call has failed, or a stream, such as `feed.stream`, has broken. */
  failed(operation: string, error: unknown): void;
}

export function observedStore(store: Store, clock: Clock, observer: StoreObserver): Store {
  const { called, failed } = observer;

  const observed =
    <A extends unknown[], T>(operation: string, call: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      const startedMs = clock.monotonic();
      try {
        return await call(...args);
      } catch (error) {
        // That it declines a change is an answer like any other.
        if (!(error instanceof ChangeDeclined)) failed(operation, error);
        throw error;
      } finally {
        called(operation, clock.monotonic() - startedMs);
      }
    };

  /** Every method answers by a promise, but for those that are given in `others`. */
  const port = <P extends object>(name: string, methods: P, others: Partial<P> = {}): P => {
    const calls = Object.entries(methods).map((
      [method, call],
    ) => [method, observed(`${name}.${method}`, call)]);
    return { ...Object.fromEntries(calls), ...others };
  };

  const telling = (to: FeedObserver): FeedObserver => ({
    change: (change) => to.change(change),
    progress: (throughMs) => to.progress(throughMs),
    failed(error, resumable) {
      failed('feed.stream', error);
      to.failed(error, resumable);
    },
  });
  /** Only how it fails: to wait for the next one is no call that takes long. */
  const followed = (open: OpenEvents): OpenEvents => {
    let closed = false;
    return {
      start: open.start,
      next: () =>
        open.next().catch((error: unknown) => {
          if (!closed) failed('events.stream', error);
          throw error;
        }),
      close() {
        closed = true;
        open.close();
      },
    };
  };
  const { events, feed, lease } = store;

  return {
    lease: port('lease', lease, {
      watch: (boot, onHint, onError) =>
        lease.watch(boot, onHint, (error) => {
          failed('lease.watch', error);
          onError(error);
        }),
    }),
    claims: port('claims', store.claims),
    schedules: port('schedules', store.schedules),
    feed: port('feed', {
      snapshot: (to: FeedObserver) => feed.snapshot(telling(to)),
      resume: (token: unknown, to: FeedObserver) => feed.resume(token, telling(to)),
    }),
    runs: port('runs', store.runs),
    presence: port('presence', store.presence),
    leadership: port('leadership', store.leadership),
    events: port('events', {
      open: async (after: string | null) => {
        const open = await events.open(after);
        return open === 'lost' ? open : followed(open);
      },
    }),
    prepare: observed('store.prepare', (known) => store.prepare(known)),
    ping: observed('store.ping', () => store.ping()),
    close: () => store.close(),
  };
}
