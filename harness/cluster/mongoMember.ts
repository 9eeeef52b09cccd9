/** One mongod of a replica set, on 127.0.0.1, that can be killed, frozen and started again. */
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Guarded, spawnGuarded } from '../../src/local/guarded.ts';

/** The name of every set of the tests. */
export const SET = 'chaos';

const LOOK_EVERY_MS = 50;
const READY_WITHIN_MS = 60_000;

export class MongoMember {
  readonly host: string;
  readonly #binary: string;
  readonly #port: number;
  readonly #dataDir: string;
  #process: Guarded | null = null;

  constructor(binary: string, port: number, dataDir: string) {
    this.host = `127.0.0.1:${port}`;
    this.#binary = binary;
    this.#port = port;
    this.#dataDir = dataDir;
  }

  get port(): number {
    return this.#port;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    await mkdir(this.#dataDir, { recursive: true });
    const args = ['--dbpath', this.#dataDir, '--port', `${this.#port}`, '--bind_ip', '127.0.0.1'];
    const size = ['--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '512'];
    const rest = ['--nounixsocket', '--quiet', '--replSet', SET, '--setParameter', 'enableTestCommands=1'];
    const logFile = `${this.#dataDir}.log`;
    const process = await spawnGuarded([this.#binary, ...args, ...size, ...rest], { logFile });
    this.#process = process;
    let ending: string | null = null;
    void process.ended.then((how) => ending = how);
    await until(async () => {
      if (ending !== null) throw new Error(`the member on port ${this.#port} ended (${ending}): ${logFile}`);
      return await accepts(this.#port);
    });
  }

  /** Resolves when it has ended, if that is what the signal does. */
  async signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    this.#process?.kill(signal);
    if (signal === 'SIGKILL') await this.#process?.ended;
  }
}

/**
 * Free ports below those that systems give to outgoing connections: a member that is down must find its own
 * again. All have five digits, as the proxies' have.
 */
export async function memberPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  const free = await once(server, 'listening').then(() => true, () => false);
  if (free) await new Promise<void>((resolve) => server.close(() => resolve()));
  return free;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const connected = await once(socket, 'connect').then(() => true, () => false);
  socket.destroy();
  return connected;
}

export async function until(look: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  while (!await look()) {
    if (performance.now() > deadlineMs) throw new Error(`not ready within ${READY_WITHIN_MS / 1000} s`);
    await delay(LOOK_EVERY_MS);
  }
}
