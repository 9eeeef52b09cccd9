import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Clock } from '../actors/shared/environment.ts';
import { type Guarded, spawnGuarded } from './guarded.ts';

/** The back-off of Kubernetes for a first crash. */
const RESTART_AFTER_MS = 1_000;
/** After this many consecutive exits before it was ready, a replica is not restarted. */
const MAX_FAILED_STARTS = 3;
/** How a replica ends that refuses its settings. */
const REFUSED_SETTINGS = 'exit code 2';

export interface SupervisedOptions {
  id: string;
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  clock: Clock;
  /** Called with each line that it prints. */
  onLine: (line: string) => void;
  /** Called with each message of the supervisor. */
  say: (message: string) => void;
  /** Called after each start and each end. */
  onChange: () => void;
  /**
   * Called when it is given up: it refused its settings, or exited three times before it was ready. `how` is
   * the last end (`exit code 1`), `cause` the last error that it printed.
   */
  onGivenUp: (how: string, cause: string | null) => void;
}

/** A process that is restarted when it ends, until it is stopped. */
export class Supervised {
  readonly #options: SupervisedOptions;
  #running: Guarded | null = null;
  #starting: Promise<void> = Promise.resolve();
  #failedStarts = 0;
  #lastError: string | null = null;
  #stopping = false;
  #restart: unknown;

  private constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  /** Resolves when it runs for the first time. */
  static async start(options: SupervisedOptions): Promise<Supervised> {
    const supervised = new Supervised(options);
    supervised.#starting = supervised.#start();
    await supervised.#starting;
    return supervised;
  }

  get id(): string {
    return this.#options.id;
  }

  /** Null while it is down. */
  get pid(): number | null {
    return this.#running?.pid ?? null;
  }

  /** Resets the count of failed starts. */
  becameReady(): void {
    this.#failedStarts = 0;
  }

  /** SIGTERM, and SIGKILL after the grace period; the process is not restarted. */
  async stop(graceMs: number): Promise<void> {
    this.#stopRestarts();
    await this.#starting;
    await this.#running?.stop(graceMs);
  }

  /** SIGKILL; the process is not restarted. */
  killNow(): void {
    this.#stopRestarts();
    this.#running?.kill('SIGKILL');
  }

  async #start(): Promise<void> {
    const { command, env, clock, onChange } = this.#options;
    const guarded = await spawnGuarded(command, { env, clock });
    this.#running = guarded;
    const read = Promise.all([this.#read(guarded.stdout), this.#read(guarded.stderr)]);
    void guarded.ended.then((how) => this.#ended(how, read));
    onChange();
  }

  /** Resolves when all lines are read. */
  async #read(input: NodeJS.ReadableStream): Promise<void> {
    const lines = createInterface({ input });
    lines.on('line', (line) => {
      this.#lastError = errorIn(line) ?? this.#lastError;
      this.#options.onLine(line);
    });
    await once(lines, 'close');
  }

  #ended(how: string, read: Promise<unknown>): void {
    const { id, clock, say, onChange, onGivenUp } = this.#options;
    this.#running = null;
    onChange();
    if (this.#stopping) return;
    // A signal comes from outside, such as from `just kill-leader`; an exit is the replica's own decision.
    this.#failedStarts = how.startsWith('SIG') ? 0 : this.#failedStarts + 1;
    if (how === REFUSED_SETTINGS || this.#failedStarts >= MAX_FAILED_STARTS) {
      // Its last lines may not have been read yet.
      return void read.then(() => onGivenUp(how, this.#lastError));
    }
    say(`${id} ended (${how}): restarting it in ${RESTART_AFTER_MS / 1000} s`);
    this.#restart = clock.setTimeout(() => this.#starting = this.#start(), RESTART_AFTER_MS);
  }

  #stopRestarts(): void {
    this.#stopping = true;
    this.#options.clock.clearTimeout(this.#restart);
  }
}

/**
 * The error in a line of a replica: from its log, from its check of the settings, or from a runtime that
 * could not run it.
 */
function errorIn(line: string): string | null {
  if (!line.startsWith('{')) return /^hascheduler: |^(Uncaught )?\w*Error\b/.test(line) ? line : null;
  try {
    const { level, msg, error } = JSON.parse(line);
    if (level !== 'error') return null;
    return error === undefined ? String(msg) : `${msg}: ${error}`;
  } catch {
    return null;
  }
}
