import { type ClientRequest, get } from 'node:http';
import { get as getSecurely } from 'node:https';
import type { Clock, Peers } from '../actors/ports.ts';
import { isBoot } from '../domain/replica.ts';

/**
 * A connection that broke is tried again at once, then after 10 ms, 20 ms and so on up to this; and at once
 * again after one that held as long. The first pauses are short because a process that is being killed may
 * take connections, and break them, for some milliseconds after it broke the first.
 */
const LONGEST_PAUSE_MS = 250;

/** More than a peer ever says (G9). */
const MAX_SAID = 1000;

/** Answers of a network that knows: nobody listens there, or nobody is there. A timeout is not among them. */
const NOBODY_THERE = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);

/**
 * Liveness connections over HTTP, of the process `boot`; for their other end, which knows who the heir is, see
 * src/http/liveness.ts.
 */
export function httpPeers(clock: Clock, boot: string, heir: Peers['heir']): Peers {
  return { heir, watch: (peer, onDead) => new Watch(clock, boot, peer, onDead).start() };
}

/**
 * One process, watched. It counts as dead when it was met once, its connection broke without a goodbye, and
 * then nobody listens at its address, or another process of the product does.
 */
class Watch {
  readonly #clock: Clock;
  readonly #me: string;
  readonly #peer: { address: string; boot: string };
  readonly #onDead: (sinceMs: number) => void;
  #met = false;
  /** When the connection broke on which it was last heard; monotonic. */
  #brokeMs: number | null = null;
  #over = false;
  /** Connections in a row that did not hold. */
  #failures = 0;
  #request: ClientRequest | null = null;
  #timer: unknown;

  constructor(
    clock: Clock,
    me: string,
    peer: { address: string; boot: string },
    onDead: (sinceMs: number) => void,
  ) {
    this.#clock = clock;
    this.#me = me;
    this.#peer = peer;
    this.#onDead = onDead;
  }

  start(): () => void {
    this.#connect();
    return () => this.#end();
  }

  #connect(): void {
    const { address, boot } = this.#peer;
    const open = address.startsWith('https:') ? getSecurely : get;
    const startedMs = this.#clock.monotonic();
    let said = '';
    let broken = false;
    const onBroken = (error?: Error) => {
      if (broken || this.#over) return;
      broken = true;
      this.#broken(said, this.#clock.monotonic() - startedMs, error);
    };
    // A connection of its own, in no pool: its end has a meaning.
    const request = open(`${address}/liveness?boot=${this.#me}`, { agent: false }, (response) => {
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        said += text;
        if (said.startsWith(`${boot}\n`)) {
          this.#met = true;
          this.#brokeMs = null;
        }
        // Whoever else answers there may stay connected as well: that is no reason to wait.
        if (isAnother(said, boot) || said.length > MAX_SAID) request.destroy();
      });
      response.on('close', () => onBroken());
      response.on('error', () => onBroken());
    });
    request.on('error', onBroken);
    this.#request = request;
  }

  #broken(said: string, heldMs: number, error: Error | undefined): void {
    const { boot } = this.#peer;
    this.#brokeMs ??= this.#clock.monotonic();
    if (said.startsWith(`${boot}\n`) && said.endsWith('\ngoodbye\n')) return this.#end();
    const isGone = (error !== undefined && isNobodyThere(error)) || isAnother(said, boot);
    if (this.#met && isGone) {
      this.#end();
      return this.#onDead(this.#clock.monotonic() - this.#brokeMs);
    }
    if (heldMs >= LONGEST_PAUSE_MS) this.#failures = 0;
    // Asking again tells whether the process, or only the connection, is gone.
    const pauseMs = this.#failures === 0 ? 0 : Math.min(5 * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures++;
    this.#timer = this.#clock.setTimeout(() => this.#connect(), pauseMs);
  }

  #end(): void {
    this.#over = true;
    this.#clock.clearTimeout(this.#timer);
    this.#request?.destroy();
  }
}

/**
 * Whether the network knows that nobody is there. A name may have several addresses; then they all have to
 * say so, since behind one that timed out the process may live.
 */
export function isNobodyThere(error: Error): boolean {
  const errors: NodeJS.ErrnoException[] = error instanceof AggregateError ? error.errors : [error];
  return errors.length > 0 && errors.every(({ code }) => code !== undefined && NOBODY_THERE.has(code));
}

/** Whether another process of the product answered: its uuid stands where the watched one's was. */
function isAnother(said: string, boot: string): boolean {
  const [first] = said.split('\n', 1);
  return first !== undefined && isBoot(first) && first !== boot;
}
