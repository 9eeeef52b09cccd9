/**
 * The watching end of a liveness connection, for one process. The process counts as dead when it
 * answered once, its connection broke without a goodbye, and then its address refuses connections,
 * or a process that replaced it answers.
 *
 * What another process at the same address means depends on when it started there. One that started
 * after the connection broke has replaced the watched one: until then the address was taken. One
 * that was there before shares the address, or the address has moved: behind a load balancer any
 * backend may answer, and the watched process may be alive. From then on nothing at such an address
 * is trusted, not even a refused connection, which may be the balancer's.
 */
import { type ClientRequest, get } from 'node:http';
import { get as getSecurely } from 'node:https';
import type { Clock } from '../../actors/shared/environment.ts';
import { isBoot } from '../../domain/membership/replica.ts';
import { isUnreachable, probe, reasonOf } from './probe.ts';

/**
 * Longest back-off between reconnects: at once, then after 10 ms, 20 ms and so on up to this; at
 * once again after a connection that held as long. The first pauses are short because a process
 * being killed may accept and break connections for some milliseconds after it broke the first.
 */
const LONGEST_PAUSE_MS = 250;
/** Pause at a distrusted address, where nothing is urgent. */
const SHARED_PAUSE_MS = 5_000;

/** Characters received on one connection; more than a peer sends (G9). */
const MAX_RECEIVED = 1000;

/** Probes per check of an address: enough to expose a round-robin balancer. */
const PROBES = 4;
/** When new connections first probe the address of a connected process, and how often later. */
const FIRST_CHECK_MS = 2_000;
const CHECK_EVERY_MS = 30_000;

export interface WatchedPeer {
  address: string;
  boot: string;
}

export interface WatchDeps {
  clock: Clock;
  me: WatchedPeer;
  peer: WatchedPeer;
  onDead(sinceMs: number): void;
  /** It is certain that other processes answer at that address as well. */
  onShared(why: string): void;
}

const SHARED = 'other processes answer at that address as well, as behind a load balancer';

export class Watch {
  readonly #deps: WatchDeps;
  /** The process answered once. */
  #wasConnected = false;
  /** Its connection is up. */
  #isConnected = false;
  /** When the last connection to the process broke; monotonic, ms. */
  #brokeMs: number | null = null;
  /** Why this address is distrusted. */
  #distrusted: string | null;
  /** Why the last connection failed. */
  #failure = 'it does not answer';
  /** Another process has answered there since the watched one did. */
  #anotherAnswered = false;
  #isOver = false;
  /** Consecutive short-lived connections. */
  #failures = 0;
  #request: ClientRequest | null = null;
  #timer: unknown;
  #checkTimer: unknown;

  constructor(deps: WatchDeps, doubt: string | null) {
    this.#deps = deps;
    this.#distrusted = doubt;
    if (deps.peer.address === deps.me.address) this.#distrusted ??= 'this replica has the same address';
  }

  start(): () => void {
    if (isAddress(this.#deps.peer.address)) this.#connect();
    else this.#distrusted = 'that is not a valid address';
    return () => this.#end();
  }

  /** Why its death would go undetected now; null when it would not. */
  get problem(): string | null {
    return this.#distrusted ?? (this.#isConnected ? null : this.#failure);
  }

  #connect(): void {
    const { clock, me, peer: { address, boot } } = this.#deps;
    const open = address.startsWith('https:') ? getSecurely : get;
    const startedMs = clock.monotonic();
    let received = '';
    let status = 0;
    let broken = false;
    const onBroken = (error?: Error) => {
      if (broken || this.#isOver) return;
      broken = true;
      this.#failure = this.#failureOf(received, status, error);
      this.#broken(received, clock.monotonic() - startedMs, error);
    };
    // A dedicated connection, not pooled: its end is the signal.
    const request = open(`${address}/liveness?boot=${me.boot}`, { agent: false }, (response) => {
      status = response.statusCode ?? 0;
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        received += text;
        if (received.startsWith(`${boot}\n`) && !broken) this.#onConnected();
        // Another process may keep the connection open as well: no reason to wait.
        if (isAnother(received, boot) || received.length > MAX_RECEIVED) request.destroy();
      });
      response.on('close', () => onBroken());
      response.on('error', () => onBroken());
    });
    request.on('error', onBroken);
    this.#request = request;
  }

  #onConnected(): void {
    // The watched process is alive, and was when the other one answered.
    if (this.#anotherAnswered) this.#markDistrusted(SHARED, true);
    this.#anotherAnswered = false;
    this.#wasConnected = true;
    this.#isConnected = true;
    this.#brokeMs = null;
    this.#checkTimer ??= this.#deps.clock.setTimeout(() => void this.#checkShared(), FIRST_CHECK_MS);
  }

  #broken(received: string, heldMs: number, error: Error | undefined): void {
    const { clock, peer: { boot } } = this.#deps;
    this.#isConnected = false;
    this.#brokeMs ??= clock.monotonic();
    if (received.startsWith(`${boot}\n`) && received.endsWith('\ngoodbye\n')) return this.#end();
    const another = isAnother(received, boot);
    this.#anotherAnswered ||= another;
    if (this.#wasConnected && this.#distrusted === null) {
      const isRefused = error !== undefined && isUnreachable(error);
      // If another process answered in between, a balancer may be gone instead.
      if (isRefused && !this.#anotherAnswered) return this.#declareDead();
      if (another) return void this.#checkReplacement(this.#brokeMs);
    }
    if (heldMs >= LONGEST_PAUSE_MS) this.#failures = 0;
    this.#retry();
  }

  /** A reconnect shows whether the process, or only the connection, is gone. */
  #retry(): void {
    const longestMs = this.#distrusted === null ? LONGEST_PAUSE_MS : SHARED_PAUSE_MS;
    const pauseMs = this.#failures === 0 ? 0 : Math.min(5 * 2 ** this.#failures, longestMs);
    this.#failures++;
    this.#timer = this.#deps.clock.setTimeout(() => this.#connect(), pauseMs);
  }

  /** Another process answered: has it replaced the watched one, which was there until `brokeMs`? */
  async #checkReplacement(brokeMs: number): Promise<void> {
    const { clock, peer: { address, boot } } = this.#deps;
    const seen = new Set<string>();
    for (let i = 0; i < PROBES; i++) {
      const answer = await probe(address, clock);
      if (this.#isOver) return;
      if (answer.kind !== 'process') return this.#retry();
      seen.add(answer.boot);
      const isShared = seen.size > 1 || answer.boot === boot || answer.boot === this.#deps.me.boot;
      if (isShared || answer.sinceMs < brokeMs) {
        // Uncertain if this process was paused for longer than the other one takes to start.
        this.#markDistrusted(SHARED, isShared);
        return this.#retry();
      }
    }
    this.#declareDead();
  }

  /** Probes for other processes at the address while its own connection is up. */
  async #checkShared(): Promise<void> {
    const { clock, peer: { address, boot } } = this.#deps;
    for (let i = 0; i < PROBES && this.#isConnected && this.#distrusted === null; i++) {
      const answer = await probe(address, clock);
      if (this.#isOver) return;
      if (this.#isConnected && answer.kind === 'process' && answer.boot !== boot) {
        this.#markDistrusted(SHARED, true);
      }
    }
    this.#checkTimer = clock.setTimeout(() => void this.#checkShared(), CHECK_EVERY_MS);
  }

  #markDistrusted(why: string, isCertain: boolean): void {
    this.#distrusted = why;
    if (isCertain) this.#deps.onShared(why);
  }

  #declareDead(): void {
    this.#end();
    this.#deps.onDead(this.#deps.clock.monotonic() - (this.#brokeMs as number));
  }

  #failureOf(received: string, status: number, error: Error | undefined): string {
    const { me, peer: { boot } } = this.#deps;
    if (received.startsWith(`${me.boot}\n`)) return 'this replica itself answers at that address';
    if (isAnother(received, boot)) return 'another replica answers at that address';
    if (error !== undefined) return reasonOf(error);
    if (received.startsWith(`${boot}\n`)) return 'its connections break at once';
    return `another program answers at that address (HTTP ${status})`;
  }

  #end(): void {
    this.#isOver = true;
    this.#isConnected = false;
    this.#deps.clock.clearTimeout(this.#timer);
    this.#deps.clock.clearTimeout(this.#checkTimer);
    this.#request?.destroy();
  }
}

/** The address comes from the database, where another version may have written anything. */
function isAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Whether another process of the product answered: the first line is another boot. */
function isAnother(received: string, boot: string): boolean {
  const [first] = received.split('\n', 1);
  return first !== undefined && isBoot(first) && first !== boot;
}
