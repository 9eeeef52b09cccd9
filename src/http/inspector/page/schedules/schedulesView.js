/** All schedules, a page at a time: the server searches, so the cost does not depend on their number. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, url, useGet } from '../shared/api.js';
import { serverNowMs } from '../shared/clock.js';
import { plural } from '../shared/format.js';
import { Held } from '../shared/held.js';
import { jsx } from '../shared/jsx.js';
import { Tags } from './definition.js';
import { NextFire } from './nextFire.js';
import { Reason } from './notUnderstood.js';
import { Empty, Failure, Heading, Icon, Pager } from '../shared/parts.js';
import { href } from '../shared/router.js';
import { FilterBar, FILTERS } from './scheduleFilters.js';
import { afterChange, withEnded } from './scheduleNews.js';
import { useEvents } from '../shared/state.js';
import { Strip } from './strip.js';
import { isUnderstood, nextFireMs, timing, title } from '../shared/words.js';

/** @import { NotUnderstood, Run, Schedule } from '../types.d.ts' */
/** @import { Stored } from './scheduleNews.js' */

const PAGE = 50;
const RECENT = 12;
/** Refresh interval of rows whose next fire only the server can compute. */
const REFRESH_MS = 5000;

/** @param {{ route: import('../shared/router.js').Route }} props */
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
      <${Table} rows=${data} gone=${news.gone} isLoading=${loading} /></${Held}>`
  }
    <${Pager} first=${cursor ? href(['schedules'], filters) : null} firstText="First page"
      next=${next && href(['schedules'], { ...filters, cursor: next })} nextText=${`Next ${PAGE}`} />`;
}

/** @param {{ rows: Stored[], gone: ReadonlySet<string>, isLoading: boolean }} props */
function Table({ rows, gone, isLoading }) {
  return jsx`<div class=${
    isLoading ? 'table-scroll stale' : 'table-scroll'
  } tabIndex="0" role="region" aria-label="Schedules">
    <table class="rows schedules">
      <thead><tr><th scope="col">Schedule</th><th scope="col">Fires</th><th scope="col">Next</th><th scope="col">Last runs</th></tr></thead>
      <tbody>${
    rows.map((schedule) =>
      jsx`<${isUnderstood(schedule) ? Row : NotUnderstoodRow} key=${schedule.id} schedule=${schedule}
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
          <div class="sub">${name && jsx`<span class="mono clip">${id}</span>`}<${Tags} tags=${
    tags ?? {}
  } most=${3} /></div></td>
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

/** @param {{ schedule: NotUnderstood, gone: boolean }} props */
function NotUnderstoodRow({ schedule: { id, not_understood }, gone }) {
  return jsx`
    <tr class=${gone ? 'gone' : ''}>
      <td class="main-cell"><a class="row-link" href=${href(['schedules', id])}>${id}</a>
          ${gone && jsx`<span class="dim"> deleted</span>`}</td>
      <td colspan="3"><${Reason} reason=${not_understood} /></td>
    </tr>
  `;
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
 * Applies events to the page: updates rows in place, and counts schedules that are not on it yet.
 * @param {(change: (rows: Stored[]) => Stored[]) => void} set
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
        const now = afterChange(row, updated.get(row.id) ?? null);
        const runs = ended.get(row.id);
        if (!runs || !isUnderstood(now)) return now;
        return { ...now, recent_runs: withEnded(now.recent_runs ?? [], runs, RECENT) };
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

/**
 * Reads the page again every few seconds while it has rows whose next fire only the server can
 * compute: rows keep their places, and new schedules are not added.
 * @param {Stored[] | null} rows
 * @param {string} path
 * @param {(change: (rows: Stored[]) => Stored[]) => void} set
 */
function useRefresh(rows, path, set) {
  const latest = useRef(rows);
  latest.current = rows;
  useEffect(() => {
    const timer = setInterval(async () => {
      const stale = latest.current?.some((row) =>
        isUnderstood(row) && nextFireMs(row, serverNowMs()) === undefined
      );
      if (!stale || document.hidden) return;
      const read = await get(path).catch(() => []);
      const byId = new Map(read.map((/** @type {Stored} */ row) => [row.id, row]));
      set((old) => old.map((row) => byId.get(row.id) ?? row));
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [path]);
}
