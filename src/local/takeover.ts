/**
 * Disturbs the leader and measures, from outside, how long a takeover takes; and finds the leader of
 * the local cluster.
 */
import type { Clock } from '../actors/shared/environment.ts';
import { wait } from '../actors/shared/wait.ts';
import { type ClusterFile, readClusterFile } from './clusterFile.ts';
import { isAlive } from './dataDir.ts';
import { sendSignal } from './guarded.ts';
import { withLimit } from './limit.ts';

/** Poll interval for each of the other replicas; the resolution of the measurement. */
const POLL_EVERY_MS = 5;
const TAKEOVER_LIMIT_MS = 15_000;
/** A busy replica must not delay the next request for long. */
const ANSWER_LIMIT_MS = 1_000;

export interface Leadership {
  replica: string;
  term: number;
}

export interface Takeover {
  before: Leadership;
  after: Leadership;
  /** From just before the signal was sent until another replica answered with a newer term. */
  tookMs: number;
}

export type Disturbance = 'SIGKILL' | 'SIGSTOP' | 'SIGCONT';

/** The leader's process, and the other replicas. */
export interface Target {
  leadership: Leadership;
  /** The process, for the output: `process 4711`. */
  process: string;
  /** Base URLs of the other replicas' APIs. */
  others: string[];
  /** False when the process has ended. */
  signal(signal: Disturbance): boolean | Promise<boolean>;
}

/** Rejects with a sentence when no cluster runs, no replica leads, or none could take over. */
export async function findTarget(dataDir: string, clock: Clock): Promise<Target> {
  const cluster = await readClusterFile(dataDir);
  if (!cluster || !isAlive(cluster.pid)) {
    throw new Error(
      'No local cluster runs here: start one with `npm start`, and repeat this in another terminal.',
    );
  }
  if (cluster.replicas.length < 2) {
    throw new Error(
      'The local cluster has a single replica, since it has no MongoDB: no other could take over.',
    );
  }
  const leadership = await leaderAccordingTo(localUrl(cluster.port), clock);
  if (!leadership) {
    throw new Error('No replica leads at the moment, or none is ready: try again in a second.');
  }
  const { pid, port } = processOf(cluster, leadership.replica);
  return {
    leadership,
    process: `process ${pid}`,
    others: cluster.replicas.map((replica) => replica.port).filter((other) => other !== port).map(localUrl),
    signal: (signal) => sendSignal(pid, signal),
  };
}

const localUrl = (port: number) => `http://127.0.0.1:${port}`;

function processOf({ replicas }: ClusterFile, id: string): { pid: number; port: number } {
  const found = replicas.find((replica) => replica.id === id);
  if (!found) {
    throw new Error(
      `${id} leads, which does not run on this machine (only ${
        replicas.map((one) => one.id).join(', ')
      } do).`,
    );
  }
  if (found.pid === null) throw new Error(`The leader, ${id}, has just ended: try again in a second.`);
  return { pid: found.pid, port: found.port };
}

/**
 * Sends the signal to the leader and waits until another replica leads. Rejects with a sentence after
 * 15 s.
 */
export async function disturb(
  target: Target,
  signal: 'SIGKILL' | 'SIGSTOP',
  clock: Clock,
): Promise<Takeover> {
  const { leadership: before, others } = target;
  const startedMs = clock.monotonic();
  if (!await target.signal(signal)) {
    throw new Error(`${before.replica} (${target.process}) ended before it got ${signal}: try again.`);
  }
  let isOver = false;
  const newerLeadership = async (url: string): Promise<Leadership> => {
    while (!isOver && clock.monotonic() - startedMs < TAKEOVER_LIMIT_MS) {
      const seen = await leaderAccordingTo(url, clock);
      if (seen && seen.term > before.term) return seen;
      await wait(clock, POLL_EVERY_MS);
    }
    throw new Error('no newer term in time');
  };
  try {
    const after = await Promise.any(others.map(newerLeadership));
    return { before, after, tookMs: clock.monotonic() - startedMs };
  } catch {
    throw new Error(
      `No other replica has taken over within ${TAKEOVER_LIMIT_MS / 1000} s of ${signal} ` +
        `to ${before.replica} (term ${before.term}).`,
    );
  } finally {
    isOver = true;
  }
}

/**
 * Resolves when another replica sees the old leader as a follower, with the time that this took, in ms;
 * rejects with a sentence after 15 s.
 */
export async function awaitFollower(target: Target, clock: Clock): Promise<number> {
  const startedMs = clock.monotonic();
  const url = target.others[0]!;
  while (clock.monotonic() - startedMs < TAKEOVER_LIMIT_MS) {
    const cluster = await fetchJson<{ replicas: { id: string; role: string }[] }>(url, '/cluster', clock);
    const role = cluster?.replicas.find((replica) => replica.id === target.leadership.replica)?.role;
    if (role === 'follower') return clock.monotonic() - startedMs;
    await wait(clock, POLL_EVERY_MS);
  }
  throw new Error(
    `${target.leadership.replica} has not become a follower within ${TAKEOVER_LIMIT_MS / 1000} s of SIGCONT.`,
  );
}

/** Null when no replica leads, or there is no answer. */
export function leaderAccordingTo(url: string, clock: Clock): Promise<Leadership | null> {
  return fetchJson<Leadership>(url, '/leader', clock);
}

/** Null when there is no answer, or its status is not 200. */
async function fetchJson<T>(url: string, path: string, clock: Clock): Promise<T | null> {
  try {
    return await withLimit(clock, ANSWER_LIMIT_MS, async (signal) => {
      const response = await fetch(`${url}${path}`, { signal });
      const text = await response.text();
      return response.status === 200 ? JSON.parse(text) : null;
    });
  } catch {
    return null;
  }
}
