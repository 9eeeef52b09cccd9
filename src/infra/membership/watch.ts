/**
 * The watching end of a liveness connection, for one process. The process counts as dead when it
 * was met once, its connection broke without a goodbye, and then its address refuses connections,
 * or a process that replaced it answers.
 *
 * What another process at the same address means depends on when it started there. One that started
 * after the connection broke has replaced the watched one: until then the address was taken. One
 * that was there before shares the address, or the address has moved: behind a load balancer any
 * backend may answer, and the watched process may well live. From then on nothing at such an
 * address is trusted, not even a refused connection, which may be the balancer's.
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

/** Characters; more than a peer sends (G9). */
const MAX_SAID = 1000;

/** Probes per check of an address: enough to expose a round-robin balancer. */
const ASKS = 4;
/** When new connections first probe a process that was met, and how often later. */
const FIRST_SURVEY_MS = 2_000;
const SURVEY_EVERY_MS = 30_000;

export interface WatchedPeer {
  address: string;
  boot: string;
}

export interface WatchDeps {
  clock: Clock;
  me: WatchedPeer;
  peer: WatchedPeer;
  onDead(sinceMs: number): void;
  /** Other processes certainly answer at this address as well. */
  onShared(why: string): void;
}

const SHARED = 'other processes answer there as well, as behind a load balancer';

export class Watch {
  readonly #deps: WatchDeps;
  #met = false;
  /** Its connection is up. */
  #holds = false;
  /** When the last connection to the process broke; monotonic, ms. */
  #brokeMs: number | null = null;
  /** Why this address is distrusted. */
  #doubt: string | null;
  /** Why the last connection failed. */
  #why = 'it does not answer';
  /** Another process has answered there since the watched one did. */
  #sawAnother = false;
  #over = false;
  /** Consecutive short-lived connections. */
  #failures = 0;
  #request: ClientRequest | null = null;
  #timer: unknown;
  #survey: unknown;

  constructor(deps: WatchDeps, doubt: string | null) {
    this.#deps = deps;
    this.#doubt = doubt;
    if (deps.peer.address === deps.me.address) this.#doubt ??= 'that is the address of this replica as well';
  }

  start(): () => void {
    if (isAddress(this.#deps.peer.address)) this.#connect();
    else this.#doubt = 'that is no address';
    return () => this.#end();
  }

  /** Why its death would go undetected now; null when it would not. */
  get problem(): string | null {
    return this.#doubt ?? (this.#holds ? null : this.#why);
  }

  #connect(): void {
    const { clock, me, peer: { address, boot } } = this.#deps;
    const open = address.startsWith('https:') ? getSecurely : get;
    const startedMs = clock.monotonic();
    let said = '';
    let status = 0;
    let broken = false;
    const onBroken = (error?: Error) => {
      if (broken || this.#over) return;
      broken = true;
      this.#why = this.#reason(said, status, error);
      this.#broken(said, clock.monotonic() - startedMs, error);
    };
    // A dedicated connection, not pooled: its end is the signal.
    const request = open(`${address}/liveness?boot=${me.boot}`, { agent: false }, (response) => {
      status = response.statusCode ?? 0;
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        said += text;
        if (said.startsWith(`${boot}\n`) && !broken) this.#meet();
        // Another process may keep the connection open as well: no reason to wait.
        if (isAnother(said, boot) || said.length > MAX_SAID) request.destroy();
      });
      response.on('close', () => onBroken());
      response.on('error', () => onBroken());
    });
    request.on('error', onBroken);
    this.#request = request;
  }

  #meet(): void {
    // The watched process lives, and did when the other one answered.
    if (this.#sawAnother) this.#distrust(SHARED, true);
    this.#sawAnother = false;
    this.#met = true;
    this.#holds = true;
    this.#brokeMs = null;
    this.#survey ??= this.#deps.clock.setTimeout(() => void this.#look(), FIRST_SURVEY_MS);
  }

  #broken(said: string, heldMs: number, error: Error | undefined): void {
    const { clock, peer: { boot } } = this.#deps;
    this.#holds = false;
    this.#brokeMs ??= clock.monotonic();
    if (said.startsWith(`${boot}\n`) && said.endsWith('\ngoodbye\n')) return this.#end();
    const another = isAnother(said, boot);
    this.#sawAnother ||= another;
    if (this.#met && this.#doubt === null) {
      const isRefused = error !== undefined && isUnreachable(error);
      // If another process answered in between, a balancer may be gone instead.
      if (isRefused && !this.#sawAnother) return this.#dead();
      if (another) return void this.#judge(this.#brokeMs);
    }
    if (heldMs >= LONGEST_PAUSE_MS) this.#failures = 0;
    this.#retry();
  }

  /** A reconnect shows whether the process, or only the connection, is gone. */
  #retry(): void {
    const longestMs = this.#doubt === null ? LONGEST_PAUSE_MS : SHARED_PAUSE_MS;
    const pauseMs = this.#failures === 0 ? 0 : Math.min(5 * 2 ** this.#failures, longestMs);
    this.#failures++;
    this.#timer = this.#deps.clock.setTimeout(() => this.#connect(), pauseMs);
  }

  /** Another process answered: has it replaced the watched one, which was there until `brokeMs`? */
  async #judge(brokeMs: number): Promise<void> {
    const { clock, peer: { address, boot } } = this.#deps;
    const seen = new Set<string>();
    for (let i = 0; i < ASKS; i++) {
      const answer = await probe(address, clock);
      if (this.#over) return;
      if (answer.kind !== 'process') return this.#retry();
      seen.add(answer.boot);
      const isShared = seen.size > 1 || answer.boot === boot || answer.boot === this.#deps.me.boot;
      if (isShared || answer.sinceMs < brokeMs) {
        // Uncertain if this process was paused for longer than the other one takes to start.
        this.#distrust(SHARED, isShared);
        return this.#retry();
      }
    }
    this.#dead();
  }

  /** Probes for other processes at the address while its own connection is up. */
  async #look(): Promise<void> {
    const { clock, peer: { address, boot } } = this.#deps;
    for (let i = 0; i < ASKS && this.#holds && this.#doubt === null; i++) {
      const answer = await probe(address, clock);
      if (this.#over) return;
      if (this.#holds && answer.kind === 'process' && answer.boot !== boot) this.#distrust(SHARED, true);
    }
    this.#survey = clock.setTimeout(() => void this.#look(), SURVEY_EVERY_MS);
  }

  #distrust(why: string, isCertain: boolean): void {
    this.#doubt = why;
    if (isCertain) this.#deps.onShared(why);
  }

  #dead(): void {
    this.#end();
    this.#deps.onDead(this.#deps.clock.monotonic() - (this.#brokeMs as number));
  }

  #reason(said: string, status: number, error: Error | undefined): string {
    const { me, peer: { boot } } = this.#deps;
    if (said.startsWith(`${me.boot}\n`)) return 'this replica itself answers there';
    if (isAnother(said, boot)) return 'another replica answers there';
    if (error !== undefined) return `${reasonOf(error)}`;
    if (said.startsWith(`${boot}\n`)) return 'its connections break';
    return `something else answers there (HTTP ${status})`;
  }

  #end(): void {
    this.#over = true;
    this.#holds = false;
    this.#deps.clock.clearTimeout(this.#timer);
    this.#deps.clock.clearTimeout(this.#survey);
    this.#request?.destroy();
  }
}

/** The address comes from the database, where another version may have written anything. */
function isAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Whether another process of the product answered: the first line is another boot. */
function isAnother(said: string, boot: string): boolean {
  const [first] = said.split('\n', 1);
  return first !== undefined && isBoot(first) && first !== boot;
}
