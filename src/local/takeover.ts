/**
 * Disturbs the leader and measures, from outside, how long a takeover takes; and finds the leader of
 * the local cluster.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type ClusterFile, readClusterFile } from './clusterFile.ts';
import { isAlive } from './dataDir.ts';
import { signalled } from './guarded.ts';

/** Poll interval for each of the others; the resolution of the measurement. */
const ASK_EVERY_MS = 5;
const TAKEOVER_LIMIT_MS = 15_000;
/** A request may reach a busy replica; the next one should not wait for it for long. */
const ANSWER_LIMIT_MS = 1_000;

export interface Leadership {
  replica: string;
  term: number;
}

export interface Takeover {
  before: Leadership;
  after: Leadership;
  /** From just before the signal was sent until one of the others answered with a newer term. */
  tookMs: number;
}

export type Disturbance = 'SIGKILL' | 'SIGSTOP' | 'SIGCONT';

/** The leader's process, and the other replicas. */
export interface Target {
  leadership: Leadership;
  /** Names the process, for people: `process 4711`. */
  process: string;
  /** Base URLs of the other replicas' APIs. */
  others: string[];
  /** False when the process has ended. */
  signal(signal: Disturbance): boolean | Promise<boolean>;
}

/** Rejects with a sentence when there is no cluster, no leader, or no replica that could take over. */
export async function findTarget(dataDir: string): Promise<Target> {
  const cluster = await readClusterFile(dataDir);
  if (!cluster || !isAlive(cluster.pid)) {
    throw new Error(
      'No local cluster runs here: start one with `npm start`, and try again in another terminal.',
    );
  }
  if (cluster.replicas.length < 2) {
    throw new Error('The local cluster is a single replica (it has no MongoDB): nobody could take over.');
  }
  const leadership = await leaderAccordingTo(localUrl(cluster.port));
  if (!leadership) {
    throw new Error('Nobody leads at the moment, or no replica is ready: try again in a second.');
  }
  const { pid, port } = processOf(cluster, leadership.replica);
  return {
    leadership,
    process: `process ${pid}`,
    others: cluster.replicas.map((replica) => replica.port).filter((other) => other !== port).map(localUrl),
    signal: (signal) => signalled(pid, signal),
  };
}

const localUrl = (port: number) => `http://127.0.0.1:${port}`;

function processOf({ replicas }: ClusterFile, id: string): { pid: number; port: number } {
  const found = replicas.find((replica) => replica.id === id);
  if (!found) {
    throw new Error(
      `${id} leads, and it is not one of this machine's (${replicas.map((one) => one.id).join(', ')}).`,
    );
  }
  if (found.pid === null) throw new Error(`${id} led until it ended a moment ago: try again in a second.`);
  return { pid: found.pid, port: found.port };
}

/**
 * Sends the signal to the leader and waits until another replica leads. Rejects with a sentence after
 * 15 s.
 */
export async function disturb(target: Target, signal: 'SIGKILL' | 'SIGSTOP'): Promise<Takeover> {
  const { leadership: before, others } = target;
  const limit = AbortSignal.timeout(TAKEOVER_LIMIT_MS);
  const startedMs = performance.now();
  if (!await target.signal(signal)) {
    throw new Error(`${before.replica} (${target.process}) ended before it got ${signal}: try again.`);
  }
  const over = new AbortController();
  const ask = async (url: string): Promise<Leadership> => {
    for (;;) {
      const seen = await leaderAccordingTo(url);
      if (seen && seen.term > before.term) return seen;
      await delay(ASK_EVERY_MS, undefined, { signal: AbortSignal.any([limit, over.signal]) });
    }
  };
  try {
    const after = await Promise.any(others.map(ask));
    return { before, after, tookMs: performance.now() - startedMs };
  } catch {
    throw new Error(
      `No other replica leads ${
        TAKEOVER_LIMIT_MS / 1000
      } s after ${signal} to ${before.replica} (term ${before.term}).`,
    );
  } finally {
    over.abort();
  }
}

/**
 * Resolves when the others see the replica as a follower, with the time that this took, in ms;
 * rejects with a sentence after 15 s.
 */
export async function awaitFollower(target: Target): Promise<number> {
  const startedMs = performance.now();
  const url = target.others[0]!;
  while (performance.now() - startedMs < TAKEOVER_LIMIT_MS) {
    const cluster = await answerOf<{ replicas: { id: string; role: string }[] }>(url, '/cluster');
    const role = cluster?.replicas.find((replica) => replica.id === target.leadership.replica)?.role;
    if (role === 'follower') return performance.now() - startedMs;
    await delay(ASK_EVERY_MS);
  }
  throw new Error(
    `${target.leadership.replica} is not a follower ${TAKEOVER_LIMIT_MS / 1000} s after it was woken.`,
  );
}

/** Null when no replica leads, or there is no answer. */
export function leaderAccordingTo(url: string): Promise<Leadership | null> {
  return answerOf<Leadership>(url, '/leader');
}

/** Null when there is no answer, or its status is not 200. */
async function answerOf<T>(url: string, path: string): Promise<T | null> {
  try {
    const response = await fetch(`${url}${path}`, {
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    const text = await response.text();
    return response.status === 200 ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
