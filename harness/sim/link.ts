/**
 * The way between one replica and the store. Each call takes some time before it takes effect and some after;
 * by chance, or by a fault, the request is lost, or comes late, or the answer is lost: then the caller hears
 * `StoreUnavailable` after a while, as from a driver that gives up.
 */
import { StoreUnavailable } from '../../src/actors/shared/storeErrors.ts';
import type { FeedObserver } from '../../src/actors/schedules/scheduleFeed.ts';
import type { Store } from '../../src/actors/store.ts';
import type { Intercept } from '../../src/infra/memory/shared/connection.ts';
import type { SimDatabase } from './database.ts';
import type { SeededRandom } from './random.ts';

/** The present quality of a link. */
export interface Weather {
  /** Mean time of one way, ms. */
  wayMs: number;
  lossBefore: number;
  lossAfter: number;
  cut: boolean;
  /** Change streams are late by this much. */
  lagMs: number;
  /** Probability that a claim gets no response, whether or not it took effect. */
  claimTrouble: number;
  /** The same for renewals. */
  renewTrouble: number;
}

export const FAIR: Weather = {
  wayMs: 2,
  lossBefore: 0.002,
  lossAfter: 0.002,
  cut: false,
  lagMs: 0,
  claimTrouble: 0.005,
  renewTrouble: 0,
};

/** Loses nothing: a single renewal that is lost and arrives late can leave the cluster without a leader for a lease. */
export const FLAWLESS: Weather = { ...FAIR, lossBefore: 0, lossAfter: 0, claimTrouble: 0 };

/** What the link needs to know of the world. */
export interface LinkContext {
  random: SeededRandom;
  db: SimDatabase;
  weather: Weather;
  wait(delayMs: number): Promise<void>;
  /** Whether the store has a primary. */
  serverUp(): boolean;
  /** Number of times that the server broke every connection. */
  serverEpoch(): number;
  /** Resolves when the process wakes, or never if it has crashed; null while it runs. */
  gate(): Promise<void> | null;
  /** Applies the call to the store, and shows the result to the oracle. */
  effect<T>(op: string, run: () => Promise<T>): Promise<T>;
  /** A call was answered. */
  answered(op: string, tookMs: number): void;
  nowMs(): number;
}

/** A driver gives up waiting for a response after this time. */
const LONGEST_WAY_MS = 1500;

const STREAMS = ['feed.next', 'lease.watch'];

export class Link {
  readonly #context: LinkContext;
  /** Streams that break at their next call. */
  broken = new Set<string>();
  /** The next resumption of a stream fails, since its history is lost. */
  historyLost = false;
  /** What a test does to the calls on top of the weather; null for nothing. */
  trouble: Intercept | null = null;

  constructor(context: LinkContext) {
    this.#context = context;
  }

  intercept: Intercept = async (op, run) => {
    const { gate, nowMs, answered } = this.#context;
    await gate();
    const sentMs = nowMs();
    try {
      const answer = this.trouble === null
        ? await this.#travel(op, run)
        : await this.trouble(op, () => this.#travel(op, run));
      await gate();
      answered(op, nowMs() - sentMs);
      return answer;
    } catch (error) {
      await gate();
      throw error;
    }
  };

  async #travel<T>(op: string, run: () => Promise<T>): Promise<T> {
    const { random, weather, wait, serverUp, serverEpoch, effect } = this.#context;
    if (this.broken.delete(op)) throw new StoreUnavailable('the stream broke');
    const trouble = (op === 'claims.claim' && random.chance(weather.claimTrouble)) ||
      (op === 'lease.renew' && random.chance(weather.renewTrouble));
    if (weather.cut || random.chance(weather.lossBefore) || (trouble && random.chance(0.5))) {
      return await this.#lost(op, run);
    }
    await wait(this.#wayMs());
    if (!serverUp()) {
      await wait(random.chance(0.5) ? this.#wayMs() : random.between(100, 2000));
      throw new StoreUnavailable('the store does not answer');
    }
    const epoch = serverEpoch();
    const done = effect(op, run);
    const backMs = this.#wayMs() + (STREAMS.includes(op) ? weather.lagMs * random.next() * 2 : 0);
    const outcome = await done.then((value) => ({ value }), (error: Error) => ({ error }));
    await wait(backMs);
    if (trouble || weather.cut || serverEpoch() !== epoch || random.chance(weather.lossAfter)) {
      if (!trouble) await wait(random.between(0, 1500));
      throw new StoreUnavailable(`the answer of ${op} is lost`);
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** The caller gives up; the request may still arrive, then or later. */
  async #lost<T>(op: string, run: () => Promise<T>): Promise<never> {
    const { random, weather, wait, serverUp, effect } = this.#context;
    if (!weather.cut && random.chance(0.3)) {
      void wait(random.between(0, 3000)).then(async () => {
        if (serverUp()) await effect(op, run).catch(() => {});
      });
    }
    await wait(random.between(50, 2000));
    throw new StoreUnavailable(`${op} is lost`);
  }

  #wayMs(): number {
    const { random, weather } = this.#context;
    const wayMs = weather.wayMs * random.between(0.2, 1.8) * (random.chance(0.01) ? 40 : 1);
    return Math.min(wayMs, LONGEST_WAY_MS);
  }

  /**
   * The store with streams as MongoDB's: a snapshot is read after its stream has begun, so that it may hold
   * what the stream tells as well; what was told since the last progress may be told again after an error, and nothing
   * before, since a resume token is no older than the progress; and the history of changes may be gone.
   */
  wrap(store: Store): Store {
    const { random, db } = this.#context;
    /** The position of the last progress: what is before is not told again. */
    let settled = 0;
    const open = async (from: number, observer: FeedObserver) => {
      const feed = await store.feed.resume(from, {
        ...observer,
        change: (change) => observer.change(change),
        progress(throughMs) {
          settled = feed.token() as number;
          observer.progress(throughMs);
        },
      });
      return feed;
    };
    const resume: Store['feed']['resume'] = (token, observer) => {
      const position = token as number;
      // A token whose history was lost once does not come back.
      const from = this.historyLost || position < 0
        ? -1
        : Math.max(settled, position - (random.chance(0.3) ? random.whole(1, 4) : 0));
      this.historyLost = false;
      return open(from, observer);
    };
    const snapshot: Store['feed']['snapshot'] = async (observer) => {
      const position = await this.intercept('feed.open', async () => db.changes.end);
      const { feed, ...stored } = await store.feed.snapshot({ ...observer, ...DEAF });
      feed.close();
      settled = position;
      return { ...stored, feed: await open(position, observer) };
    };
    return { ...store, feed: { snapshot, resume } };
  }
}

const DEAF = { change: () => {}, progress: () => {}, failed: () => {} };
