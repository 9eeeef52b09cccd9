/**
 * Disturbs the leader of the local cluster and measures, from outside, how long the others take to replace
 * it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type ClusterFile, isAlive, readClusterFile } from './clusterFile.ts';
import { signalled } from './guarded.ts';

/** How often each of the others is asked; the measurement is no finer. */
const ASK_EVERY_MS = 5;
const TAKEOVER_LIMIT_MS = 15_000;
/** One question may go to a replica that is busy; the next one should not wait for it for long. */
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

/** The leader as a process, and the others. */
export interface Target {
  leadership: Leadership;
  pid: number;
  port: number;
  /** Ports of the other replicas. */
  otherPorts: number[];
}

/** Rejects with a sentence when there is no cluster, no leader, or nobody who could take over. */
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
  const leadership = await leaderAccordingTo(cluster.port);
  if (!leadership) {
    throw new Error('Nobody leads at the moment, or no replica is ready: try again in a second.');
  }
  const { pid, port } = processOf(cluster, leadership.replica);
  return {
    leadership,
    pid,
    port,
    otherPorts: cluster.replicas.map((replica) => replica.port).filter((other) => other !== port),
  };
}

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

/** Sends the signal to the leader and waits until another one leads. Rejects with a sentence after 15 s. */
export async function disturb(target: Target, signal: 'SIGKILL' | 'SIGSTOP'): Promise<Takeover> {
  const { leadership: before, otherPorts } = target;
  const limit = AbortSignal.timeout(TAKEOVER_LIMIT_MS);
  const startedMs = performance.now();
  if (!signalled(target.pid, signal)) {
    throw new Error(`${before.replica} (process ${target.pid}) ended before it got ${signal}: try again.`);
  }
  const over = new AbortController();
  const ask = async (port: number): Promise<Leadership> => {
    for (;;) {
      const seen = await leaderAccordingTo(port);
      if (seen && seen.term > before.term) return seen;
      await delay(ASK_EVERY_MS, undefined, { signal: AbortSignal.any([limit, over.signal]) });
    }
  };
  try {
    const after = await Promise.any(otherPorts.map(ask));
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
 * Resolves when the others see the replica as a follower, with the time that took; rejects with a sentence
 * after 15 s.
 */
export async function awaitFollower(target: Target): Promise<number> {
  const startedMs = performance.now();
  const port = target.otherPorts[0]!;
  while (performance.now() - startedMs < TAKEOVER_LIMIT_MS) {
    const cluster = await answerOf<{ replicas: { id: string; role: string }[] }>(port, '/cluster');
    const role = cluster?.replicas.find((replica) => replica.id === target.leadership.replica)?.role;
    if (role === 'follower') return performance.now() - startedMs;
    await delay(ASK_EVERY_MS);
  }
  throw new Error(
    `${target.leadership.replica} is not a follower ${TAKEOVER_LIMIT_MS / 1000} s after it was woken.`,
  );
}

function leaderAccordingTo(port: number): Promise<Leadership | null> {
  return answerOf<Leadership>(port, '/leader');
}

/** Null when there is no answer, or another one than 200. */
async function answerOf<T>(port: number, path: string): Promise<T | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    const text = await response.text();
    return response.status === 200 ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
