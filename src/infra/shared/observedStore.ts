/**
 * A store that reports every call to an observer: operation, duration and failure. Each failure is
 * reported once, whatever its caller does about it.
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
  const { events, feed, lease } = store;
  const { failed } = observer;
  const observed = callObserver(clock, observer);
  /** Every method returns a promise, except those in `others`. */
  const port = <P extends object>(name: string, methods: P, others: Partial<P> = {}): P => {
    const calls = Object.entries(methods).map((
      [method, call],
    ) => [method, observed(`${name}.${method}`, call)]);
    return { ...Object.fromEntries(calls), ...others };
  };
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
      snapshot: (to: FeedObserver) => feed.snapshot(observedFeed(to, failed)),
      resume: (token: unknown, to: FeedObserver) => feed.resume(token, observedFeed(to, failed)),
    }),
    runs: port('runs', store.runs),
    backfills: port('backfills', store.backfills),
    presence: port('presence', store.presence),
    leadership: port('leadership', store.leadership),
    events: port('events', {
      open: async (after: string | null) => {
        const open = await events.open(after);
        return open === 'lost' ? open : observedEvents(open, failed);
      },
    }),
    prepare: observed('store.prepare', (known) => store.prepare(known)),
    ping: observed('store.ping', () => store.ping()),
    close: () => store.close(),
  };
}

function callObserver(clock: Clock, { called, failed }: StoreObserver) {
  return <A extends unknown[], T>(operation: string, call: (...args: A) => Promise<T>) =>
  async (...args: A): Promise<T> => {
    const startedMs = clock.monotonic();
    try {
      return await call(...args);
    } catch (error) {
      // A declined change is an answer, not a failure.
      if (!(error instanceof ChangeDeclined)) failed(operation, error);
      throw error;
    } finally {
      called(operation, clock.monotonic() - startedMs);
    }
  };
}

function observedFeed(to: FeedObserver, failed: StoreObserver['failed']): FeedObserver {
  return {
    change: (change) => to.change(change),
    progress: (throughMs) => to.progress(throughMs),
    failed(error, resumable) {
      failed('feed.stream', error);
      to.failed(error, resumable);
    },
  };
}

/** Reports failures only: the wait for the next event is no call duration. */
function observedEvents(open: OpenEvents, failed: StoreObserver['failed']): OpenEvents {
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
}
