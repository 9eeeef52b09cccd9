import type { Clock } from '../../actors/shared/environment.ts';

/** Limit for connections of announced boots: no cluster is larger (G9). */
const MAX_PEERS = 64;
/** A reconnection may overlap with the previous connection. */
const MAX_PER_PEER = 2;
/** Limit for connections of unannounced boots: a peer that has just started, a person, or an attacker. */
const MAX_UNANNOUNCED = 8;
/** Time limit for an unannounced boot, and the interval at which every boot is checked again. */
const RECHECK_MS = 10_000;

/** The announced boots; see Roster. */
export interface KnownPeers {
  get(boot: string): { lost_at: Date | null } | undefined;
  /** Reads the announcements again: an unknown boot has connected. */
  look(): void;
}

interface Connection {
  boot: string | null;
  /** Ends it without a goodbye. */
  end(): void;
  timer: unknown;
}

/**
 * Admission of liveness connections to this process, oldest first. An announced boot is always
 * admitted. A few unannounced ones are, for a limited time, and never in place of a peer. Of the
 * connections of one boot the newest ones stay: another client with the same boot can't lock it out.
 */
export class LivenessConnections {
  readonly #known: KnownPeers;
  readonly #clock: Clock;
  readonly #connections = new Set<Connection>();

  constructor(known: KnownPeers, clock: Clock) {
    this.#known = known;
    this.#clock = clock;
  }

  /** Null when the limit is reached; otherwise the function that removes the connection. */
  admit(boot: string | null, end: () => void): (() => void) | null {
    const isPeer = this.#isKnown(boot);
    if (boot !== null && !isPeer) this.#known.look();
    if (isPeer) this.#makeRoom(boot as string);
    const others = [...this.#connections].filter((other) => this.#isKnown(other.boot) === isPeer);
    if (others.length >= (isPeer ? MAX_PEERS : MAX_UNANNOUNCED)) return null;
    const connection: Connection = { boot, end, timer: null };
    this.#connections.add(connection);
    this.#recheckLater(connection);
    return () => this.#remove(connection);
  }

  /** The boot with the oldest connection, of live replicas other than `me`. */
  eldest(me: string): string | null {
    const heirs = [...this.#connections].map(({ boot }) => boot).filter((boot) =>
      boot !== null && boot !== me
    );
    return heirs.find((boot) => this.#known.get(boot as string)?.lost_at === null) ?? null;
  }

  clear(): void {
    for (const connection of this.#connections) this.#remove(connection);
  }

  #isKnown(boot: string | null): boolean {
    return boot !== null && this.#known.get(boot) !== undefined;
  }

  #makeRoom(boot: string): void {
    const own = [...this.#connections].filter((connection) => connection.boot === boot);
    for (const oldest of own.slice(0, Math.max(0, own.length - MAX_PER_PEER + 1))) {
      this.#remove(oldest);
      oldest.end();
    }
  }

  #recheckLater(connection: Connection): void {
    connection.timer = this.#clock.setTimeout(() => {
      if (this.#isKnown(connection.boot)) return this.#recheckLater(connection);
      this.#remove(connection);
      connection.end();
    }, RECHECK_MS);
  }

  #remove(connection: Connection): void {
    this.#clock.clearTimeout(connection.timer);
    this.#connections.delete(connection);
  }
}
