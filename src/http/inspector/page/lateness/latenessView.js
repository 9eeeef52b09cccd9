/** Lateness of runs over time, with the changes of leadership that explain the peaks. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { call, url } from '../shared/api.js';
import { serverNowMs, useNow } from '../shared/clock.js';
import { clockTime, duration, number, plural } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { bucketed, percentile } from './lateness.js';
import { LatenessChart } from './latenessChart.js';
import { Empty, Failure, Heading, Segments } from '../shared/parts.js';
import { setQuery } from '../shared/router.js';
import { RunList } from '../runs/runList.js';
import { nextCursor } from '../schedules/schedulesView.js';
import { useEvents, useResyncs, useTopics } from '../shared/state.js';

/** @import { Run } from '../types.d.ts' */

const MINUTE = 60_000;
/** @type {[string, string][]} */
const SPANS = [['5', '5 min'], ['15', '15 min'], ['60', '1 h'], ['360', '6 h'], ['1440', '24 h']];
const PAGE = 1000;
/** Limit of records read: the newest of the span. */
const MAX_READ = 10_000;
const MAX_KEPT = 20_000;
const PARTS = 150;
const WORST = 8;

/** @param {{ route: import('../shared/router.js').Route }} props */
export function LatenessView({ route }) {
  const minutes = SPANS.find(([key]) => key === route.query.get('minutes'))?.[0] ?? '15';
  const scheduleId = route.query.get('schedule_id');
  const spanMs = Number(minutes) * MINUTE;
  const { runs, since, error, isReading } = useRuns(spanMs, scheduleId);
  const { terms } = useTopics('terms');
  const stepMs = Math.max(1000, spanMs / PARTS);
  const second = useNow((nowMs) => Math.floor(nowMs / 1000));
  const toMs = Math.ceil(second * 1000 / stepMs + 1) * stepMs;
  const fromMs = toMs - spanMs;
  const { started, sorted, buckets } = useMemo(() => {
    const started = [...runs.values()].filter((run) =>
      run.started_at && Date.parse(run.scheduled_for) >= fromMs
    );
    const sorted = started.map(({ lateness_ms }) => lateness_ms).toSorted((a, b) => a - b);
    return { started, sorted, buckets: bucketed(started, fromMs, toMs, PARTS) };
  }, [second, runs.size, fromMs]);
  const changes = terms.filter(({ began_at }) => Date.parse(began_at) >= fromMs);
  return jsx`
    <${Heading} title="Lateness" lead=${jsx`From the nominal time of an occurrence to the start of its first attempt${
    scheduleId
      ? jsx`, for <span class="mono">${scheduleId}</span>. <a href="#/lateness">All schedules</a>`
      : '.'
  }`} />
    <div class="toolbar"><${Segments} label="Span" options=${SPANS} value=${minutes} onChange=${(
    /** @type {string} */ value,
  ) => setQuery({ minutes: value })} />
      <span class="spacer" /><span class="dim">${
    isReading
      ? 'Reading …'
      : since
      ? `The newest ${number(runs.size)} runs, since ${clockTime(since)}`
      : plural(started.length, 'run')
  }</span></div>
    <${Failure} error=${error} />
    ${sorted.length > 0 && jsx`<${Figures} sorted=${sorted} changes=${changes.length} />`}
    <div class="panel flush">
      ${
    sorted.length === 0 && !isReading && jsx`
        <${Empty} title="No run started in this time.">
          <p>Choose a longer span, or <a href="#/new">create a schedule</a> that fires often.</p>
          </${Empty}>
      `
  }
      <${LatenessChart} buckets=${buckets} fromMs=${fromMs} toMs=${toMs} changes=${changes} />
    </div>
    ${
    sorted.length > 0 && jsx`
      <h2 class="section">The latest starts</h2>
      <${RunList} withSchedule=${scheduleId === null} runs=${
      started.toSorted((a, b) => b.lateness_ms - a.lateness_ms).slice(0, WORST)
    } />
    `
  }
  `;
}

/** @param {{ sorted: number[], changes: number }} props `sorted`: lateness in ms, ascending, not empty */
function Figures({ sorted, changes }) {
  const shares = [['median', 0.5], ['p90', 0.9], ['p99', 0.99], ['worst', 1]];
  return jsx`<dl class="figures">
    ${
    shares.map(([name, share]) =>
      jsx`<div key=${name}><dt>${name}</dt><dd class="num">${
        duration(percentile(sorted, Number(share)))
      }</dd></div>`
    )
  }
    <div><dt>over 1 s</dt><dd class="num">${number(sorted.filter((ms) => ms > 1000).length)}</dd></div>
    <div><dt>changes of leader</dt><dd class="num">${changes}</dd></div></dl>`;
}

/**
 * The runs of a span up to now, by id: records, and events since.
 * @param {number} spanMs
 * @param {string | null} scheduleId
 */
function useRuns(spanMs, scheduleId) {
  const runs = useRef(/** @type {Map<string, Run>} */ (new Map()));
  const [read, setRead] = useState({
    since: /** @type {number | null} */ (null),
    isReading: true,
    error: /** @type {any} */ (null),
  });
  const resyncs = useResyncs();
  useEffect(() => {
    const controller = new AbortController();
    runs.current = new Map();
    setRead({ since: null, isReading: true, error: null });
    const take = (/** @type {Run[]} */ page) => {
      for (const run of page) runs.current.set(run.id, run);
      setRead((last) => ({ ...last }));
    };
    readRuns(spanMs, scheduleId, controller.signal, take).then(
      (since) => setRead({ since, isReading: false, error: null }),
      (error) => controller.signal.aborted || setRead((last) => ({ ...last, isReading: false, error })),
    );
    return () => controller.abort();
  }, [spanMs, scheduleId, resyncs]);
  useEvents(['run'], (entries) => {
    for (const { data } of entries) {
      if (scheduleId === null || data.schedule_id === scheduleId) runs.current.set(data.id, data);
    }
    if (runs.current.size <= MAX_KEPT) return;
    const newest = [...runs.current.values()].toSorted((a, b) => a.scheduled_for < b.scheduled_for ? 1 : -1)
      .slice(0, MAX_READ);
    runs.current = new Map(newest.map((run) => [run.id, run]));
    setRead((last) => ({ ...last, since: Date.parse(newest.at(-1)?.scheduled_for ?? '') }));
  });
  return { ...read, runs: runs.current };
}

/**
 * Reads records, newest first, a page at a time.
 * @param {number} spanMs
 * @param {string | null} scheduleId
 * @param {AbortSignal} signal
 * @param {(page: Run[]) => void} take
 * @returns {Promise<number | null>} the oldest nominal time read, epoch ms; null when the whole span was read
 */
async function readRuns(spanMs, scheduleId, signal, take) {
  const from = new Date(serverNowMs() - spanMs).toISOString();
  let cursor = null;
  let oldest = from;
  for (let read = 0; read < MAX_READ; read += PAGE) {
    const path = url('/runs', { from, schedule_id: scheduleId, limit: PAGE, cursor });
    const { body, headers } = await call('GET', path, { signal });
    take(body);
    oldest = body.at(-1)?.scheduled_for ?? oldest;
    cursor = nextCursor(headers);
    if (cursor === null) return null;
  }
  return Date.parse(oldest);
}
