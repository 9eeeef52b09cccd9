import type { Clock } from '../../actors/shared/environment.ts';

/** Of the boots that have announced themselves; more than this is not a cluster (G9). */
const MAX_PEERS = 64;
/** A connection that is made anew may overlap with the one before. */
const MAX_PER_PEER = 2;
/** Who has not announced itself: a peer that has just started, a person, or a stranger. */
const MAX_STRANGERS = 8;
/** For how long a stranger may stay, and how often it is asked for again whether a peer still is one. */
const TRIAL_MS = 10_000;

/** What is known of boots; see Roster. */
export interface KnownPeers {
  get(boot: string): { lost_at: Date | null } | undefined;
  /** A boot asks that is not known: it may have announced itself by now. */
  look(): void;
}

interface Place {
  boot: string | null;
  /** Ends its connection, without a goodbye. */
  end(): void;
  timer: unknown;
}

/**
 * Who holds a liveness connection to this process, the eldest first. A boot that is among the replicas has a place,
 * whatever others do; strangers have a few, for a while, and never take one from a peer. Of the connections of one
 * boot the newest count: whoever else says that it is this boot can't keep it out.
 */
export class LivenessPlaces {
  readonly #known: KnownPeers;
  readonly #clock: Clock;
  readonly #places = new Set<Place>();

  constructor(known: KnownPeers, clock: Clock) {
    this.#known = known;
    this.#clock = clock;
  }

  /** Null when there is no room for it; else what gives the place back. */
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

  /** The boot that has been here for longest, of those that are among the replicas and alive, but for `me`. */
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
