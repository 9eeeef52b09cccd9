/** One mongod of a replica set, on 127.0.0.1, that can be killed, frozen and restarted. */
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { type Guarded, spawnGuarded } from '../../src/local/guarded.ts';

/** The name of the replica set. */
export const SET = 'chaos';

const POLL_EVERY_MS = 50;
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
    const process = await spawnGuarded([this.#binary, ...args, ...size, ...rest], {
      ...{ clock: systemClock(), logFile },
    });
    this.#process = process;
    let ended: string | null = null;
    void process.ended.then((how) => ended = how);
    await until(async () => {
      if (ended !== null) {
        throw new Error(`the member on port ${this.#port} ended (${ended}): see ${logFile}`);
      }
      return await accepts(this.#port);
    });
  }

  /** After SIGKILL, resolves when it has ended. */
  async signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    this.#process?.kill(signal);
    if (signal === 'SIGKILL') await this.#process?.ended;
  }
}

/**
 * Free ports below the ephemeral range: a member that is down must find its port free when it restarts. All
 * have five digits, like the proxies' (see `replaceAddresses`).
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

export async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  while (!await condition()) {
    if (performance.now() > deadlineMs) throw new Error(`not ready within ${READY_WITHIN_MS / 1000} s`);
    await delay(POLL_EVERY_MS);
  }
}
