/** Three replicas, each behind its own way to the store, and all that they ever said. */
import { setTimeout as delay } from 'node:timers/promises';
import { MongoRoute } from '../cluster/mongoRoute.ts';
import type { MongoSet } from '../cluster/mongoSet.ts';
import { type Line, ReplicaProcess } from '../cluster/replicas.ts';

const STOP_GRACE_MS = 30_000;
const LOOK_EVERY_MS = 100;

/** One attempt of a run, as seen by who reads the replicas' output: the receiver of the `log` action. */
export interface Execution {
  runId: string;
  attempt: number;
  term: number;
  /** Which process it was: `r2#3` is the third one in the place of r2. */
  life: string;
  /** On this process's monotonic clock. */
  readMs: number;
}

/** The place of one replica, in which one process follows another. */
export class Slot {
  readonly id: string;
  readonly route: MongoRoute;
  readonly lives: ReplicaProcess[] = [];
  readonly crashes: string[] = [];
  readonly #env: Record<string, string>;
  #asked = false;

  constructor(id: string, route: MongoRoute, env: Record<string, string>) {
    this.id = id;
    this.route = route;
    this.#env = env;
  }

  get life(): ReplicaProcess {
    return this.lives.at(-1) as ReplicaProcess;
  }

  get name(): string {
    return `${this.id}#${this.lives.length}`;
  }

  /** Resolves when it takes requests; it need not have reached the store by then. */
  async start(): Promise<void> {
    const life = await ReplicaProcess.start(this.id, { ...this.#env, MONGO_URI: this.route.uri });
    this.lives.push(life);
    this.#asked = false;
    void life.process.ended.then((how) => {
      if (!this.#asked || how !== 'SIGKILL' && how !== 'exit code 0') {
        this.crashes.push(`${this.name}: ${how}`);
      }
    });
    await life.said((line) => line.msg === 'listening');
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGTERM' || signal === 'SIGKILL') this.#asked = true;
    this.life.process.kill(signal);
  }

  /** After a signal that ends it: the next process, once it stands by. */
  async restart(): Promise<void> {
    await this.life.process.ended;
    await this.start();
    await this.life.said((line) => line.msg === 'now follower');
  }

  async stop(): Promise<void> {
    this.#asked = true;
    await this.life.process.stop(STOP_GRACE_MS);
  }
}

export class Fleet {
  readonly slots: readonly Slot[];

  private constructor(slots: readonly Slot[]) {
    this.slots = slots;
  }

  static async start(set: MongoSet, env: Record<string, string>): Promise<Fleet> {
    const slots = await Promise.all(
      ['r1', 'r2', 'r3'].map(async (id) => new Slot(id, await MongoRoute.to(set), env)),
    );
    await Promise.all(slots.map((slot) => slot.start()));
    return new Fleet(slots);
  }

  /** The replica that has begun the newest term; the first one before anybody has. */
  leader(): Slot {
    const terms = this.slots.map((slot) => {
      const began = slot.life.lines.findLast((line) => line.msg === 'term began');
      return { slot, term: Number(began?.term ?? 0) };
    });
    return terms.reduce((a, b) => b.term > a.term ? b : a).slot;
  }

  /** Resolves when one of them leads, or has. */
  async leads(): Promise<void> {
    await Promise.any(this.slots.map(({ life }) => life.said((line) => line.msg === 'leading')));
  }

  /** Resolves when all replicas have prepared the store and read the schedules: each takes writes. */
  async standsBy(): Promise<void> {
    const stands = (line: Line) => line.msg === 'leading' || line.msg === 'now follower';
    await Promise.all(this.slots.map(({ life }) => life.said(stands)));
  }

  /** Resolves when some replica has executed something, from now on. */
  async fires(): Promise<void> {
    const fired = (line: Line) => line.msg === 'running schedule';
    await Promise.any(this.slots.map(({ life }) => life.said(fired, life.lines.length)));
  }

  /** Resolves when all that fell due by then, epoch ms, is settled. */
  async passes(throughMs: number): Promise<void> {
    for (;;) {
      const answer = await this.leader().life.json<{ watermark: string }>('/cluster').catch(() => null);
      if (answer?.status === 200 && Date.parse(answer.body.watermark) > throughMs) return;
      await delay(LOOK_EVERY_MS);
    }
  }

  /** All that they said, in the order in which it was read. */
  lines(): (Line & { life: string })[] {
    const all = this.slots.flatMap(({ id, lives }) =>
      lives.flatMap(({ lines }, i) => lines.map((line) => ({ ...line, life: `${id}#${i + 1}` })))
    );
    return all.sort((a, b) => a.readMs - b.readMs);
  }

  executions(): Execution[] {
    return this.lines().filter((line) => line.msg === 'running schedule').map((line) => ({
      runId: `${line.run_id}`,
      attempt: Number(line.attempt),
      term: Number(line.term),
      life: line.life,
      readMs: line.readMs,
    }));
  }

  /** What replicas have complained of as their own failure. */
  errors(): string[] {
    const own = this.lines().filter(({ level }) => level === 'error' || level === 'stderr');
    return own.map(({ life, msg, error }) => `${life}: ${msg} ${error ?? ''}`);
  }

  crashes(): string[] {
    return this.slots.flatMap((slot) => slot.crashes);
  }

  async stop(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.stop()));
    await Promise.all(this.slots.map((slot) => slot.route.close()));
  }
}
