/** All schedules, a page at a time: the server searches, so that a hundred thousand are no more than a hundred. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, url, useGet } from './api.js';
import { serverNowMs } from './clock.js';
import { plural } from './format.js';
import { Held } from './held.js';
import { jsx } from './jsx.js';
import { NextFire } from './nextFire.js';
import { NotUnderstoodRow, renewed } from './notUnderstood.js';
import { Empty, Failure, Heading, Icon, Pager } from './parts.js';
import { href, setQuery } from './router.js';
import { useEvents } from './state.js';
import { Strip } from './strip.js';
import { nextFireMs, timing, title } from './words.js';

/** @import { RecentRun, Run, Schedule } from './types.d.ts' */

const PAGE = 50;
const RECENT = 12;
const TYPING_MS = 250;
/** How often rows whose next fire only the server can tell are read again. */
const REFRESH_MS = 5000;
const FILTERS = ['q', 'type', 'tag', 'paused'];

/** @param {{ route: import('./router.js').Route }} props */
export function SchedulesView({ route }) {
  const { query } = route;
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name)]));
  const cursor = query.get('cursor');
  const path = url('/schedules', { limit: PAGE, recent: RECENT, cursor, ...filters });
  const { data, headers, error, loading, reload, set } = useGet(path);
  const news = useNews(set);
  useRefresh(data, path, set);
  const showNews = () => {
    news.clear();
    reload();
  };
  const next = nextCursor(headers);
  const total = Number(headers?.get('x-total-count') ?? NaN);
  const isFiltered = FILTERS.some((name) => filters[name]);
  return jsx`
    <${Heading} title="Schedules" lead=${
    data === null || Number.isNaN(total)
      ? ' '
      : `${plural(total, 'schedule')}${isFiltered ? ' match' + (total === 1 ? 'es' : '') : ''}`
  }>
      <a class="button primary" href="#/new"><${Icon} name="plus" />New schedule</a></${Heading}>
    <${FilterBar} filters=${filters} />
    <${Failure} error=${error} retry=${reload} />
    ${data === null && !error && jsx`<div class="skeleton tall" aria-busy="true" />`}
    ${data?.length === 0 && jsx`<${NoSchedules} isFiltered=${isFiltered} />`}
    ${
    data && data.length > 0 &&
    jsx`<${Held} noun="schedule" held=${{ waiting: news.count, release: showNews, watch: {} }}>
      <${Table} rows=${data} gone=${news.gone} isStale=${loading} /></${Held}>`
  }
    <${Pager} first=${cursor ? href(['schedules'], filters) : null} firstText="First page"
      next=${next && href(['schedules'], { ...filters, cursor: next })} nextText=${`Next ${PAGE}`} />`;
}

/** @param {{ rows: Schedule[], gone: ReadonlySet<string>, isStale: boolean }} props */
function Table({ rows, gone, isStale }) {
  return jsx`<div class=${
    isStale ? 'table-scroll stale' : 'table-scroll'
  } tabIndex="0" role="region" aria-label="Schedules">
    <table class="rows schedules">
      <thead><tr><th scope="col">Schedule</th><th scope="col">Fires</th><th scope="col">Next</th><th scope="col">Last runs</th></tr></thead>
      <tbody>${
    rows.map((schedule) =>
      jsx`<${
        schedule.not_understood === undefined ? Row : NotUnderstoodRow
      } key=${schedule.id} schedule=${schedule}
        gone=${gone.has(schedule.id)} />`
    )
  }</tbody>
    </table></div>`;
}

/** @param {Headers | null} headers */
export function nextCursor(headers) {
  const link = /<([^>]+)>;\s*rel="next"/.exec(headers?.get('link') ?? '');
  return link?.[1] ? new URL(link[1], location.origin).searchParams.get('cursor') : null;
}

/** @param {{ schedule: Schedule, gone: boolean }} props */
function Row({ schedule, gone }) {
  const { id, name, type, tags, recent_runs = [] } = schedule;
  return jsx`
    <tr class=${gone ? 'gone' : ''}>
      <td class="main-cell"><a class="row-link" href=${href(['schedules', id])}>${title(schedule)}</a>
          ${gone && jsx`<span class="dim"> deleted</span>`}
          <div class="sub">${name && jsx`<span class="mono clip">${id}</span>`}${
    Object.entries(tags ?? {})
      .slice(0, 3).map(([key, value]) =>
        jsx`<a key=${key} class="tag" href=${
          href(['schedules'], { tag: `${key}:${value}` })
        }>${key}: ${value}</a>`
      )
  }</div></td>
      <td><span class="type">${type.replace('_', ' ')}</span> <span class=${type === 'cron' ? 'mono' : ''}>${
    timing(schedule)
  }</span></td>
      <td class="nowrap">
        <${NextFire} schedule=${schedule} />
      </td>
      <td>
        <${Strip} runs=${recent_runs} places=${RECENT} />
      </td>
    </tr>
  `;
}

/** @param {{ filters: Record<string, string | null> }} props */
function FilterBar({ filters }) {
  const timer = useRef(0);
  const change = (/** @type {Record<string, string>} */ changes) => setQuery({ ...changes, cursor: null });
  const type = (/** @type {string} */ name) => (/** @type {any} */ event) => {
    const { value } = event.target;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => change({ [name]: value }), TYPING_MS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return jsx`<form class="toolbar" role="search" onSubmit=${(/** @type {Event} */ event) =>
    event.preventDefault()}>
    <label class="search"><span class="hidden">Search by id or name</span><${Icon} name="search" />
      <input type="search" placeholder="Search by id or name" value=${filters.q ?? ''} onInput=${
    type('q')
  } /></label>
    <label><span class="hidden">Type</span><select value=${filters.type ?? ''} onChange=${(
    /** @type {any} */ event,
  ) => change({ type: event.target.value })}>
      <option value="">Any type</option><option value="cron">cron</option><option value="duration">duration</option><option value="at_times">at times</option></select></label>
    <label><span class="hidden">State</span><select value=${filters.paused ?? ''} onChange=${(
    /** @type {any} */ event,
  ) => change({ paused: event.target.value })}>
      <option value="">Active and paused</option><option value="false">Active</option><option value="true">Paused</option></select></label>
    <label><span class="hidden">Tag, as key:value</span><input type="text" class="narrow" placeholder="tag:value" value=${
    filters.tag ?? ''
  } onInput=${type('tag')} /></label>
    ${
    FILTERS.some((name) => filters[name]) && jsx`<a class="button ghost" href="#/schedules">Clear</a>`
  }</form>`;
}

/** @param {{ isFiltered: boolean }} props */
function NoSchedules({ isFiltered }) {
  return isFiltered
    ? jsx`
      <${Empty} title="No schedule matches.">
        <p>Try a shorter word, or <a href="#/schedules">show all</a>.</p>
        </${Empty}>
    `
    : jsx`
      <${Empty} title="There is no schedule yet.">
        <p>A schedule says what runs, and when: every 5 minutes, at 02:30 on weekdays, at given moments.</p>
        <p><a class="button primary" href="#/new">Create the first one</a></p>
        <p class="dim">Or from a terminal: <code>npx just create-schedule</code></p>
        </${Empty}>
    `;
}

/**
 * What events change on the page: rows in their place, and schedules that are not on it yet as a number.
 * @param {(change: (rows: Schedule[]) => Schedule[]) => void} set
 */
function useNews(set) {
  const [created, setCreated] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const [gone, setGone] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  useEvents(['schedule', 'run'], (entries) => {
    const changes = entries.filter(({ type }) => type === 'schedule').map(({ data }) => data);
    const made = changes.filter(({ change }) => change === 'created').map(({ id }) => id);
    const deleted = changes.filter(({ change }) => change === 'deleted').map(({ id }) => id);
    if (made.length > 0) setCreated((all) => new Set([...all, ...made]));
    if (deleted.length > 0) setGone((all) => new Set([...all, ...deleted].slice(-1000)));
    const updated = new Map(
      changes.filter(({ change }) => change === 'updated').map(({ id, schedule }) => [id, schedule]),
    );
    const ended = Map.groupBy(
      entries.filter(({ type }) => type === 'run').map(({ data }) => data),
      (/** @type {Run} */ run) => run.schedule_id,
    );
    set((rows) =>
      rows.map((row) => {
        const told = updated.get(row.id);
        const now = told ? renewed(row, told) : row;
        const runs = ended.get(row.id);
        return runs ? { ...now, recent_runs: merged(now.recent_runs ?? [], runs) } : now;
      })
    );
  });
  return {
    count: created.size,
    gone,
    clear() {
      setCreated(new Set());
      setGone(new Set());
    },
  };
}

/** @param {RecentRun[]} old @param {RecentRun[]} ended */
function merged(old, ended) {
  const byId = new Map([...old, ...ended].map((run) => [run.id, run]));
  return [...byId.values()].toSorted((a, b) => a.scheduled_for < b.scheduled_for ? 1 : -1).slice(0, RECENT);
}

/**
 * Reads the page again every few seconds while it has rows whose next fire only the server can tell: rows keep
 * their places, and what is new is not taken in.
 * @param {Schedule[] | null} rows
 * @param {string} path
 * @param {(change: (rows: Schedule[]) => Schedule[]) => void} set
 */
function useRefresh(rows, path, set) {
  const latest = useRef(rows);
  latest.current = rows;
  useEffect(() => {
    const timer = setInterval(async () => {
      const stale = latest.current?.some((row) => nextFireMs(row, serverNowMs()) === undefined);
      if (!stale || document.hidden) return;
      const read = await get(path).catch(() => []);
      const byId = new Map(read.map((/** @type {Schedule} */ row) => [row.id, row]));
      set((old) => old.map((row) => byId.get(row.id) ?? row));
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [path]);
}
