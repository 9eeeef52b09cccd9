import type { Clock } from '../../actors/shared/environment.ts';

/** Limit for announced boots; more than this is not a cluster (G9). */
const MAX_PEERS = 64;
/** A reconnection may overlap with the previous connection. */
const MAX_PER_PEER = 2;
/** Limit for boots that are not announced: a peer that has just started, a person, or a stranger. */
const MAX_STRANGERS = 8;
/** Time limit for a stranger, and the interval at which a connection's boot is checked again. */
const TRIAL_MS = 10_000;

/** The announced boots; see Roster. */
export interface KnownPeers {
  get(boot: string): { lost_at: Date | null } | undefined;
  /** An unknown boot has connected: it may have announced itself by now. */
  look(): void;
}

interface Place {
  boot: string | null;
  /** Ends its connection, without a goodbye. */
  end(): void;
  timer: unknown;
}

/**
 * The liveness connections to this process, oldest first. A boot among the replicas always has a
 * place; strangers have a few, for a limited time, and never take one from a peer. Of the connections
 * of one boot the newest ones stay: an impostor with the same boot can't keep it out.
 */
export class LivenessPlaces {
  readonly #known: KnownPeers;
  readonly #clock: Clock;
  readonly #places = new Set<Place>();

  constructor(known: KnownPeers, clock: Clock) {
    this.#known = known;
    this.#clock = clock;
  }

  /** Null when there is no room; else the function that releases the place. */
  take(boot: string | null, end: () => void): (() => void) | null {
    const isPeer = this.#isKnown(boot);
    if (boot !== null && !isPeer) this.#known.look();
    if (isPeer) this.#makeRoom(boot as string);
    const rivals = [...this.#places].filter((place) => this.#isKnown(place.boot) === isPeer);
    if (rivals.length >= (isPeer ? MAX_PEERS : MAX_STRANGERS)) return null;
    const place: Place = { boot, end, timer: null };
    this.#places.add(place);
    this.#try(place);
    return () => this.#remove(place);
  }

  /** The boot with the oldest connection, of live replicas other than `me`. */
  eldest(me: string): string | null {
    const heirs = [...this.#places].map(({ boot }) => boot).filter((boot) => boot !== null && boot !== me);
    return heirs.find((boot) => this.#known.get(boot as string)?.lost_at === null) ?? null;
  }

  clear(): void {
    for (const place of this.#places) this.#remove(place);
  }

  #isKnown(boot: string | null): boolean {
    return boot !== null && this.#known.get(boot) !== undefined;
  }

  #makeRoom(boot: string): void {
    const own = [...this.#places].filter((place) => place.boot === boot);
    for (const place of own.slice(0, Math.max(0, own.length - MAX_PER_PEER + 1))) {
      this.#remove(place);
      place.end();
    }
  }

  #try(place: Place): void {
    place.timer = this.#clock.setTimeout(() => {
      if (this.#isKnown(place.boot)) return this.#try(place);
      this.#remove(place);
      place.end();
    }, TRIAL_MS);
  }

  #remove(place: Place): void {
    this.#clock.clearTimeout(place.timer);
    this.#places.delete(place);
  }
}
