/** Replicas as processes, on the runtime that runs the tests, and their logs. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { type Guarded, spawnGuarded } from '../../src/local/guarded.ts';
import { PROJECT_DIR, runtimeCommand } from '../../src/local/runtime.ts';

/** One line of a replica's log, and when it was read. */
export interface Line {
  msg: string;
  level: string;
  readMs: number;
  [field: string]: unknown;
}

type Env = Record<string, string>;

export class ReplicaProcess {
  readonly id: string;
  readonly url: string;
  readonly lines: Line[] = [];
  /** It has ended when all its lines are read. */
  readonly process: Guarded;
  #watchers = new Set<(line: Line) => void>();

  private constructor(id: string, port: number, process: Guarded) {
    this.id = id;
    this.url = `http://127.0.0.1:${port}`;
    const stdout = createInterface({ input: process.stdout }).on('line', (text) => this.#read(text));
    const stderr = createInterface({ input: process.stderr }).on(
      'line',
      (text) => this.#read(JSON.stringify({ level: 'stderr', msg: text })),
    );
    const isRead = Promise.all([once(stdout, 'close'), once(stderr, 'close')]);
    const ended = process.ended.then(async (how) => {
      await isRead;
      return how;
    });
    const stop = async (graceMs: number) => {
      await process.stop(graceMs);
      await isRead;
    };
    this.process = { ...process, ended, stop };
  }

  /** REPLICA_SCRIPT: the main file of another checkout, to measure that one. */
  static async start(
    id: string,
    env: Env,
    script = process.env.REPLICA_SCRIPT ?? 'src/main.ts',
  ): Promise<ReplicaProcess> {
    const port = await freePort();
    const command = runtimeCommand(resolve(PROJECT_DIR, script));
    const settings = { PORT: `${port}`, HOST: '127.0.0.1', HOSTNAME: id, ...env };
    return new ReplicaProcess(
      id,
      port,
      await spawnGuarded(command, { clock: systemClock(), env: { ...process.env, ...settings } }),
    );
  }

  /**
   * The first line that matches, already read (from index `from` on) or still to come. Rejects when the process
   * ends without it.
   */
  async said(matches: (line: Line) => boolean, from = 0): Promise<Line> {
    const earlier = this.lines.slice(from).find(matches);
    if (earlier !== undefined) return earlier;
    return await new Promise((resolve, reject) => {
      const watch = (line: Line) => {
        if (!matches(line)) return;
        this.#watchers.delete(watch);
        resolve(line);
      };
      this.#watchers.add(watch);
      void this.process.ended.then((how) =>
        reject(new Error(`${this.id} ended (${how}) without the expected line`))
      );
    });
  }

  /** The attempts that it has executed, in order: `run id, number`. */
  executed(): string[] {
    return this.lines.filter((line) => line.msg === 'running schedule')
      .map(({ run_id, attempt }) => `${run_id}, ${attempt}`);
  }

  async json<T>(path: string, init: RequestInit = {}): Promise<{ status: number; body: T }> {
    const response = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(10_000), ...init });
    return { status: response.status, body: await response.json() as T };
  }

  #read(text: string): void {
    const line = { ...JSON.parse(text) as Omit<Line, 'readMs'>, readMs: performance.now() } as Line;
    this.lines.push(line);
    for (const watch of [...this.#watchers]) watch(line);
  }
}

/** A port of 127.0.0.1 that is free at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export class ProcessCluster {
  readonly replicas: ReplicaProcess[] = [];
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  async add(id: string, env: Env = {}, script?: string): Promise<ReplicaProcess> {
    const replica = await ReplicaProcess.start(id, { ...this.#env, ...env }, script);
    this.replicas.push(replica);
    return replica;
  }

  /** Three replicas, one of which leads. */
  static async ofThree(env: Env): Promise<ProcessCluster> {
    const cluster = new ProcessCluster(env);
    const replicas = await Promise.all(['r1', 'r2', 'r3'].map((id) => cluster.add(id)));
    await Promise.all(replicas.map((replica) => replica.said((line) => line.msg === 'now follower')));
    await Promise.any(replicas.map((replica) => replica.said((line) => line.msg === 'leading')));
    return cluster;
  }

  /** The replica that has begun the newest term, by its log. */
  leader(): ReplicaProcess {
    const terms = this.replicas.map((replica) => {
      const began = replica.lines.findLast((line) => line.msg === 'term began');
      return { replica, term: Number(began?.term ?? 0) };
    });
    return terms.reduce((a, b) => b.term > a.term ? b : a).replica;
  }

  /** The next execution by another replica than `old`. */
  async firedByAnother(old: ReplicaProcess): Promise<{ replica: ReplicaProcess; line: Line }> {
    const others = this.replicas.filter((replica) => replica !== old);
    return await Promise.any(others.map(async (replica) => ({
      replica,
      line: await replica.said((line) => line.msg === 'running schedule', replica.lines.length),
    })));
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.process.stop(10_000)));
  }
}
