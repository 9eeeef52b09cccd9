import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Guarded, spawnGuarded } from './guarded.ts';

/** The back-off of Kubernetes for a first crash. */
const RESTART_AFTER_MS = 1_000;
/** After this many consecutive exits before it was ever ready, another start won't help a replica. */
const FAILED_STARTS_LIMIT = 3;
/** The exit of a replica that refuses its settings. */
const REFUSED_SETTINGS = 'exit code 2';

export interface SupervisedOptions {
  id: string;
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  onLine: (line: string) => void;
  say: (message: string) => void;
  /** Called after each start and each end. */
  onChange: () => void;
  /**
   * The replica refused its settings, or ended by itself three times before it was ready, as in `how`
   * (`exit code 1`). `cause` is the last error that it printed. It is not restarted.
   */
  onHopeless: (how: string, cause: string | null) => void;
}

export interface Supervised {
  id: string;
  /** Null while it is down. */
  pid(): number | null;
  /** The replica became ready: resets the count of failed starts. */
  becameReady(): void;
  /** SIGTERM, and SIGKILL after the grace period; the process is not restarted. */
  stop(graceMs: number): Promise<void>;
  /** SIGKILL; the process is not restarted. */
  killNow(): void;
}

/**
 * A process that is restarted when it ends, until it is stopped. Resolves when it runs for the first
 * time.
 */
export async function supervise(options: SupervisedOptions): Promise<Supervised> {
  const { id, command, env, onLine, say, onChange, onHopeless } = options;
  let running: Guarded | null = null;
  let failedStarts = 0;
  let cause: string | null = null;
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;
  let starting: Promise<void>;

  async function start(): Promise<void> {
    const guarded = await spawnGuarded(command, { env });
    running = guarded;
    const read = [guarded.stdout, guarded.stderr].map((stream) => {
      const lines = createInterface({ input: stream });
      lines.on('line', (line) => {
        cause = errorIn(line) ?? cause;
        onLine(line);
      });
      return once(lines, 'close');
    });
    void guarded.ended.then((how) => ended(how, Promise.all(read)));
    onChange();
  }

  function ended(how: string, read: Promise<unknown>): void {
    running = null;
    onChange();
    if (stopping) return;
    // A kill is part of the demonstration; an exit is the replica's own decision.
    failedStarts = how.startsWith('SIG') ? 0 : failedStarts + 1;
    if (how === REFUSED_SETTINGS || failedStarts >= FAILED_STARTS_LIMIT) {
      // Its last lines may not have been read yet.
      return void read.then(() => onHopeless(how, cause));
    }
    say(`${id} ended (${how}): it is started again in ${RESTART_AFTER_MS / 1000} s`);
    timer = setTimeout(() => starting = start(), RESTART_AFTER_MS);
  }

  function dismiss(): void {
    stopping = true;
    clearTimeout(timer);
  }

  starting = start();
  await starting;
  return {
    id,
    pid: () => running?.pid ?? null,
    becameReady() {
      failedStarts = 0;
    },
    async stop(graceMs) {
      dismiss();
      await starting;
      await running?.stop(graceMs);
    },
    killNow() {
      dismiss();
      running?.kill('SIGKILL');
    },
  };
}

/**
 * The error in a line of a replica: from its log, from its settings, or from a runtime that could not
 * run it.
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
