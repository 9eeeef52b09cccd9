/** Runs, of all schedules or of one, newest first: runs that end meanwhile enter at the top. */
import { useState } from 'preact/hooks';
import { url, useGet } from '../shared/api.js';
import { jsx } from '../shared/jsx.js';
import { Held, useHeld } from '../shared/held.js';
import { Empty, Failure, Heading, Pager, Switch } from '../shared/parts.js';
import { href, setQuery } from '../shared/router.js';
import { RunList } from './runList.js';
import { newestFirst } from '../schedules/scheduleNews.js';
import { nextCursor } from '../schedules/schedulesView.js';
import { useEvents } from '../shared/state.js';
import { FAILURES, OPEN, RUN_STATES } from '../shared/words.js';

/** @import { NotUnderstood, Run } from '../types.d.ts' */

const PAGE = 50;

/** @param {{ route: import('../shared/router.js').Route }} props */
export function RunsView({ route }) {
  return jsx`
    <${Heading} title="Runs" lead="The outcome of each occurrence, newest first." />
    <${Runs} route=${route} scheduleId=${null} />
  `;
}

/** @param {{ route: import('../shared/router.js').Route, scheduleId: string | null, zone?: string }} props */
export function Runs({ route, scheduleId, zone }) {
  const { query } = route;
  const [follow, setFollow] = useState(true);
  const filters = Object.fromEntries(
    ['state', 'from', 'to', 'cursor'].map((name) => [name, query.get(name)]),
  );
  const path = scheduleId === null ? '/runs' : `/schedules/${encodeURIComponent(scheduleId)}/runs`;
  const { data, headers, error, loading, reload, set } = useGet(url(path, { limit: PAGE, ...filters }));
  const states = filters.state?.split(',') ?? null;
  const isLive = !filters.cursor && !filters.to;
  useEvents(['run'], (entries) => {
    if (!isLive) return;
    const ended = entries.map(({ data }) => data).filter((/** @type {Run} */ run) =>
      (scheduleId === null || run.schedule_id === scheduleId) &&
      (states === null || states.includes(run.state))
    );
    if (ended.length === 0) return;
    set((rows) => newestFirst([...rows, ...ended]).slice(0, PAGE));
  });
  const held = useHeld(
    /** @type {(Run | NotUnderstood)[]} */ (data ?? []),
    ({ id }) => id,
    follow && isLive,
    `${path} ${JSON.stringify(filters)} ${data === null || loading}`,
  );
  const next = nextCursor(headers);
  const place = scheduleId === null ? ['runs'] : ['schedules', scheduleId];
  return jsx`
    <${Toolbar} filters=${filters} isLive=${isLive} follow=${follow} setFollow=${setFollow} />
    <${Failure} error=${error} retry=${reload} />
    ${data === null && !error && jsx`<div class="skeleton tall" aria-busy="true" />`}
    ${
    data && held.list.length === 0 &&
    jsx`<${NoRuns} isFiltered=${Boolean(filters.state || filters.from || filters.to)} />`
  }
    ${
    held.list.length > 0 && jsx`<div class=${loading ? 'stale' : ''}><${Held} held=${held} noun="run">
      <${RunList} runs=${held.list} withSchedule=${scheduleId === null} zone=${zone} /></${Held}></div>`
  }
    <${Pager} first=${filters.cursor ? href(place, { ...filters, cursor: null }) : null} firstText="Newest"
      next=${next && href(place, { ...filters, cursor: next })} nextText="Older" />`;
}

/** @typedef {Record<string, string | null>} Filters */

/** @param {{ filters: Filters, isLive: boolean, follow: boolean, setFollow: (on: boolean) => void }} props */
function Toolbar({ filters, isLive, follow, setFollow }) {
  return jsx`
    <div class="toolbar">
      <label><span class="hidden">State</span><select value=${filters.state ?? ''} onChange=${(
    /** @type {any} */ event,
  ) => setQuery({ state: event.target.value, cursor: null })}>
        <option value="">Any state</option><option value=${OPEN.join(',')}>Open</option><option value=${
    FAILURES.join(
      ',',
    )
  }>Failures</option>
        ${
    Object.entries(RUN_STATES).map(([state, { label }]) =>
      jsx`<option key=${state} value=${state}>${label}</option>`
    )
  }
        ${
    filters.state && !Object.hasOwn(RUN_STATES, filters.state) && ![FAILURES, OPEN].some((states) =>
      filters.state === states.join(',')
    ) &&
    jsx`<option value=${filters.state}>${filters.state}</option>`
  }</select></label>
      <details class="menu"><summary class="button">${timeSummary(filters)}</summary><div class="menu-body">
        <${Moments} label="From" value=${filters.from} onChange=${(/** @type {string | null} */ from) =>
    setQuery({ from, cursor: null })} />
        <${Moments} label="To" value=${filters.to} onChange=${(/** @type {string | null} */ to) =>
    setQuery({ to, cursor: null })} /></div></details>
      <span class="spacer" />
      ${
    isLive && jsx`
        <${Switch} label="Follow" on=${follow} onChange=${setFollow}
          tip="Off: new runs wait behind a button, as they do while the pointer is in the list." />
      `
  }
    </div>
  `;
}

/** @param {{ isFiltered: boolean }} props */
function NoRuns({ isFiltered }) {
  return isFiltered
    ? jsx`
      <${Empty} title="No run matches.">
        <p>There is none in this state and time. Runs are kept for the retention of their schedule.</p>
        </${Empty}>
    `
    : jsx`
      <${Empty} title="No runs yet.">
        <p>A run is recorded for each occurrence of a schedule. <a href="#/new">Create a schedule</a>, or wait until one fires.</p>
        </${Empty}>
    `;
}

/** @param {{ label: string, value: string | null | undefined, onChange: (at: string | null) => void }} props */
function Moments({ label, value, onChange }) {
  return jsx`<label class="field"><span>${label}</span><input type="datetime-local" value=${localInput(value)}
    onChange=${(/** @type {any} */ event) => onChange(instant(event.target.value))} /></label>`;
}

/** @param {Record<string, string | null>} filters */
function timeSummary({ from, to }) {
  const short = (/** @type {string} */ at) => localInput(at).replace('T', ' ');
  if (!from && !to) return 'Any time';
  return `${from ? `from ${short(from)}` : ''} ${to ? `to ${short(to)}` : ''}`.trim();
}

/** @param {string | null | undefined} at */
function localInput(at) {
  const ms = Date.parse(at ?? '');
  if (Number.isNaN(ms)) return '';
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** @param {string} local */
function instant(local) {
  return local ? new Date(local).toISOString() : null;
}
