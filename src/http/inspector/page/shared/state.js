/**
 * The page's state of the cluster, and its subscribers. At any rate of events, the page renders at
 * most once a frame for urgent parts, and four times a second for the rest (once a second at very
 * high rates).
 */
import { useEffect, useReducer, useRef } from 'preact/hooks';

/** @import { Cluster, LogEntry, Run, Term } from '../types.d.ts' */
/** @typedef {'live' | 'cluster' | 'terms' | 'log' | 'runs' | 'resync'} Topic */

export const MAX_LOG = 2000;
export const MAX_RUNS = 5000;
const CALM_MS = 250;
/** Above this many events per `CALM_MS`, which no user can read one by one, once a second is enough. */
const MANY = 25;
const BUSY_MS = 1000;
const URGENT = new Set(['live', 'cluster', 'terms', 'resync']);

export const state = {
  /** @type {Cluster | null} */
  cluster: null,
  /** @type {Term[]} newest first, without a gap */
  terms: [],
  /** Whether the oldest recorded term is among them. */
  allTerms: false,
  /** @type {LogEntry[]} oldest first */
  log: [],
  /** @type {Run[]} runs that ended, oldest first */
  runs: [],
  /** Number of resyncs: times that everything had to be read again. */
  resyncs: 0,
  live: {
    /** @type {'connecting' | 'live' | 'reconnecting' | 'polling'} */
    status: 'connecting',
    /** The replica that serves the events. */
    replica: '',
    /** When the last message arrived, epoch ms of this machine; 0 for never. */
    heardMs: 0,
    /** Start of the events, server's time. */
    sinceMs: 0,
  },
};

/** By topic. @type {Map<string, Set<() => void>>} */
const listeners = new Map();
/** @type {Set<string>} */
let pending = new Set();
let flushedMs = 0;
let flushedSeq = 0;
let calmMs = CALM_MS;
let timer = 0;
let framed = false;

/**
 * Marks a part of the state as changed.
 * @param {Topic} topic
 */
export function changed(topic) {
  pending.add(topic);
  if (framed) return;
  if (URGENT.has(topic) && !document.hidden) {
    framed = true;
    requestAnimationFrame(flush);
  } else {
    timer ||= setTimeout(flush, Math.max(0, flushedMs + calmMs - Date.now()));
  }
}

function flush() {
  clearTimeout(timer);
  timer = 0;
  framed = false;
  const nowMs = Date.now();
  const seq = state.log.at(-1)?.seq ?? 0;
  calmMs = (seq - flushedSeq) * CALM_MS > MANY * (nowMs - flushedMs) ? BUSY_MS : CALM_MS;
  flushedMs = nowMs;
  flushedSeq = seq;
  const topics = pending;
  pending = new Set();
  const concerned = new Set([...topics].flatMap((topic) => [...(listeners.get(topic) ?? [])]));
  for (const listener of concerned) listener();
}

/**
 * @param {readonly Topic[]} topics
 * @param {() => void} listener
 */
function subscribe(topics, listener) {
  for (const topic of topics) {
    const others = listeners.get(topic) ?? new Set();
    listeners.set(topic, others.add(listener));
  }
  return () => topics.forEach((topic) => listeners.get(topic)?.delete(listener));
}

/**
 * Renders the component again when one of these parts of the state has changed.
 * @param {...Topic} topics
 */
export function useTopics(...topics) {
  const [, render] = useReducer((count) => count + 1, 0);
  useEffect(() => subscribe(topics, () => render(0)), []);
  return state;
}

export function useResyncs() {
  return useTopics('resync').resyncs;
}

/** Events are missing: views read their data again. */
export function resync() {
  state.resyncs++;
  changed('resync');
}

/**
 * Passes on new events of some types, at most four times a second.
 * @param {readonly string[]} types
 * @param {(entries: LogEntry[]) => void} handle
 */
export function useEvents(types, handle) {
  const latest = useRef(handle);
  latest.current = handle;
  useEffect(() => {
    let lastSeq = state.log.at(-1)?.seq ?? 0;
    return subscribe(['log'], () => {
      const entries = [];
      for (let i = state.log.length - 1; i >= 0; i--) {
        const entry = /** @type {LogEntry} */ (state.log[i]);
        if (entry.seq <= lastSeq) break;
        if (types.includes(entry.type)) entries.push(entry);
      }
      // A background tab may not run for a minute, and the log is bounded: after an overflow, views
      // read again.
      if ((state.log[0]?.seq ?? 0) > lastSeq + 1 && lastSeq > 0) resync();
      lastSeq = state.log.at(-1)?.seq ?? lastSeq;
      if (entries.length > 0) latest.current(entries.reverse());
    });
  }, []);
}
