/**
 * The stream of events, and the snapshots that it continues. No event is lost in this order: open the
 * stream, get its position by `hello`, read the snapshots, then apply the events. When the stream
 * breaks, the next replica to respond resumes after the last event received.
 */
import { get, url } from './api.js';
import { sampleServerTime, serverNowMs } from './clock.js';
import { changed, MAX_LOG, MAX_RUNS, resync, state } from './state.js';

/** @import { Cluster, LogEntry, Replica, Term } from '../types.d.ts' */

const TYPES = [
  ...['hello', 'leader', 'leadership', 'replica', 'schedule', 'clock', 'run', 'heartbeat', 'resync'],
];
const RETRY_MS = [0, 100, 200, 400, 800, 1500];
/** Heartbeats come every 5 s. */
const SILENCE_MS = 12_000;
const TERMS_AT_FIRST = 200;
const MAX_TERMS = 20_000;

/** @type {EventSource | null} */
let source = null;
let lastId = '';
let failures = 0;
let timer = 0;
let seq = 0;
/** Events that wait for the snapshots; null once those have been read. @type {[string, any][] | null} */
let waiting = [];

/** Opens the stream, for as long as the page lives. */
export function connect() {
  open();
  // Something to show before the stream opens; the snapshots read after that replace it.
  void get('/cluster').then((cluster) => waiting && takeCluster(cluster), () => {});
  setInterval(() => {
    if (state.live.status === 'live' && Date.now() - state.live.heardMs > SILENCE_MS) retry();
  }, 1000);
}

function open() {
  timer = 0;
  const opened = new EventSource(url('/events', { after: lastId }));
  source = opened;
  for (const type of TYPES) {
    opened.addEventListener(type, (message) => {
      if (source === opened) receive(type, /** @type {MessageEvent} */ (message));
    });
  }
  opened.onerror = () => {
    if (source === opened) retry();
  };
}

/**
 * Replaces the browser's own reconnection, which waits for seconds, and gives up when a front door
 * responds with 503.
 */
function retry() {
  source?.close();
  source = null;
  const pauseMs = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 0;
  failures++;
  // Without a stream, reads may still work: the page then polls, and shows that it is not live.
  if (failures > 2) void poll();
  else setStatus(state.live.heardMs === 0 ? 'connecting' : 'reconnecting');
  timer ||= setTimeout(open, pauseMs + Math.random() * 50);
}

/** @param {typeof state.live.status} status */
function setStatus(status) {
  if (state.live.status === status) return;
  state.live.status = status;
  changed('live');
}

/**
 * @param {string} type
 * @param {MessageEvent} message
 */
function receive(type, message) {
  const data = JSON.parse(message.data);
  if (message.lastEventId) lastId = message.lastEventId;
  failures = 0;
  state.live.heardMs = Date.now();
  if (data.now) sampleServerTime(data.now);
  setStatus('live');
  changed('live');
  if (type === 'heartbeat') return;
  if (type === 'hello') return hello(data);
  if (type === 'resync') return void readAgain();
  if (waiting) waiting.push([type, data]);
  else apply(type, data);
}

/** @param {{ replica: string }} data */
function hello({ replica }) {
  state.live.replica = replica;
  if (state.live.sinceMs === 0) state.live.sinceMs = serverNowMs();
  if (waiting) void readAll();
}

/** Events are missing between the last one received and the next: all data is read again. */
async function readAgain() {
  waiting ??= [];
  await readAll();
  resync();
}

let reading = false;

async function readAll() {
  if (reading) return;
  reading = true;
  try {
    const [cluster, terms] = await Promise.all([
      get('/cluster'),
      get(url('/leadership', { limit: TERMS_AT_FIRST })),
    ]);
    takeCluster(cluster);
    state.terms = terms;
    state.allTerms = terms.length < TERMS_AT_FIRST;
    changed('terms');
    const queued = waiting ?? [];
    waiting = null;
    for (const [type, data] of queued) apply(type, data);
  } catch {
    setTimeout(() => waiting && void readAll(), 500);
  } finally {
    reading = false;
  }
}

/** @param {Cluster} cluster */
function takeCluster(cluster) {
  sampleServerTime(cluster.now);
  state.cluster = cluster;
  changed('cluster');
}

/** Reads data that no event carries: the watermark, and when each replica was last seen. */
export async function refreshCluster() {
  if (document.hidden || waiting || state.live.status !== 'live') return;
  await get('/cluster').then(takeCluster, () => {});
}

async function poll() {
  setStatus(state.live.heardMs === 0 ? 'connecting' : 'reconnecting');
  try {
    takeCluster(await get('/cluster'));
    const newest = await get(url('/leadership', { limit: TERMS_AT_FIRST }));
    for (const term of newest.toReversed()) putTerm(term);
    if (source?.readyState !== EventSource.OPEN && failures > RETRY_MS.length) setStatus('polling');
  } catch {
    // The live status already shows that no replica responds.
  }
}

/** Reads some of the terms before the oldest known one. */
export async function readOlderTerms() {
  const oldest = state.terms.at(-1);
  if (!oldest || state.allTerms || state.terms.length > MAX_TERMS) return;
  const older = await get(url('/leadership', { limit: 1000, before: oldest.term }));
  if (state.terms.at(-1) !== oldest) return;
  state.terms = [...state.terms, ...older];
  state.allTerms = older.length < 1000;
  changed('terms');
}

/**
 * @param {string} type
 * @param {any} data
 */
function apply(type, data) {
  if (type === 'leader') applyLeader(data);
  else if (type === 'leadership') putTerm(data);
  else if (type === 'replica') applyReplica(data);
  else if (type === 'clock') void refreshCluster();
  else if (type === 'run') {
    state.runs.push(data);
    if (state.runs.length > MAX_RUNS) state.runs.splice(0, state.runs.length - MAX_RUNS);
    changed('runs');
  }
  const at = happenedAt(type, data);
  state.log.push({
    seq: ++seq,
    type: /** @type {LogEntry['type']} */ (type),
    atMs: at ? Date.parse(at) : serverNowMs(),
    data,
  });
  if (state.log.length > MAX_LOG) state.log.splice(0, state.log.length - MAX_LOG);
  changed('log');
}

/**
 * @param {string} type
 * @param {any} data
 * @returns {string | null | undefined}
 */
function happenedAt(type, data) {
  if (type === 'run') return data.finished_at ?? data.claimed_at;
  if (type === 'leadership') return data.ended_at ?? data.began_at;
  if (type === 'replica') return data.transitions?.at(-1)?.at ?? data.replica?.lost_at;
  if (type === 'clock') return data.set_back.to;
  if (type === 'schedule') return data.change === 'deleted' ? null : data.schedule?.updated_at;
  return data.at;
}

/** @param {{ leader: string | null, term: number }} data */
function applyLeader({ leader, term }) {
  if (!state.cluster) return;
  state.cluster = { ...state.cluster, leader, term };
  changed('cluster');
}

/** @param {{ change: string, replica: Replica }} data */
function applyReplica({ change, replica }) {
  if (!state.cluster) return;
  const others = state.cluster.replicas.filter(({ boot }) => boot !== replica.boot);
  const replicas = change === 'left' ? others : [...others, replica];
  replicas.sort((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : a.started_at < b.started_at ? -1 : 1);
  state.cluster = { ...state.cluster, replicas };
  changed('cluster');
  // No event carries the warnings of the whole cluster.
  if (change === 'warnings') void refreshCluster();
}

/** @param {Term} term */
function putTerm(term) {
  const index = state.terms.findIndex((each) => each.term <= term.term);
  const isKnown = state.terms[index]?.term === term.term;
  // A term older than the oldest known one would leave a gap.
  if (index === -1 && state.terms.length > 0) return;
  state.terms = state.terms.toSpliced(Math.max(0, index), isKnown ? 1 : 0, term);
  changed('terms');
}
