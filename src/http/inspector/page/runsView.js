/** Runs, of all schedules or of one, newest first: those that end while one looks come in at the top. */
import { useState } from 'preact/hooks';
import { url, useGet } from './api.js';
import { jsx } from './jsx.js';
import { NewItems, useHeld } from './held.js';
import { Empty, Failure, Heading, Switch } from './parts.js';
import { go, href, setQuery } from './router.js';
import { RunList } from './runList.js';
import { nextCursor } from './schedulesView.js';
import { useEvents } from './state.js';
import { RUN_STATES, TROUBLE } from './words.js';

/** @import { Run } from './types.d.ts' */

const PAGE = 50;

/** @param {{ route: import('./router.js').Route }} props */
export function RunsView({ route }) {
  return jsx`
    <${Heading} title="Runs" lead="What was done about each occurrence, newest first." />
    <${Runs} route=${route} scheduleId=${null} />
  `;
}

/** @param {{ route: import('./router.js').Route, scheduleId: string | null, zone?: string }} props */
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
    set((rows) => {
      const byId = new Map([...rows, ...ended].map((run) => [run.id, run]));
      return [...byId.values()].toSorted((a, b) => a.scheduled_for < b.scheduled_for ? 1 : -1).slice(
        0,
        2 * PAGE,
      );
    });
  });
  const held = useHeld(/** @type {Run[]} */ (data ?? []), ({ id }) => id, follow && isLive);
  const next = nextCursor(headers);
  const place = scheduleId === null ? ['runs'] : ['schedules', scheduleId];
  return jsx`
    <div class="toolbar">
      <label><span class="hidden">State</span><select value=${filters.state ?? ''} onChange=${(
    /** @type {any} */ event,
  ) => setQuery({ state: event.target.value, cursor: null })}>
        <option value="">Any state</option><option value=${
    TROUBLE.join(
      ',',
    )
  }>Trouble</option>
        ${
    Object.entries(RUN_STATES).map(([state, { label }]) =>
      jsx`<option key=${state} value=${state}>${label}</option>`
    )
  }
        ${
    filters.state && !Object.hasOwn(RUN_STATES, filters.state) && filters.state !== TROUBLE.join(',') &&
    jsx`<option value=${filters.state}>${filters.state}</option>`
  }</select></label>
      <label class="inline"><span>From</span><input type="datetime-local" value=${
    localInput(
      filters.from,
    )
  } onChange=${(/** @type {any} */ event) =>
    setQuery({ from: instant(event.target.value), cursor: null })} /></label>
      <label class="inline"><span>To</span><input type="datetime-local" value=${
    localInput(
      filters.to,
    )
  } onChange=${(/** @type {any} */ event) =>
    setQuery({ to: instant(event.target.value), cursor: null })} /></label>
      <span class="spacer" />
      ${
    isLive && jsx`
        <${Switch} label="Follow" on=${follow} onChange=${setFollow}
          tip="Off: new runs wait behind a button. They do so as well while the pointer is in the list." />
      `
  }
    </div>
    <${NewItems} waiting=${held.waiting} noun="run" release=${held.release} />
    <${Failure} error=${error} retry=${reload} />
    ${data === null && !error && jsx`<div class="skeleton tall" aria-busy="true" />`}
    ${
    data && held.list.length === 0 &&
    jsx`<${NoRuns} filtered=${Boolean(filters.state || filters.from || filters.to)} />`
  }
    ${
    held.list.length > 0 && jsx`
      <div class=${loading ? 'stale' : ''}>
        <${RunList} runs=${held.list} withSchedule=${scheduleId === null} zone=${zone} watch=${held.watch} />
      </div>
    `
  }
    ${
    (filters.cursor || next) &&
    jsx`<div class="pager"><button type="button" disabled=${!filters.cursor} onClick=${() =>
      history.back()}>Newer</button>
      <a class="dim" href=${href(place, { ...filters, cursor: null })}>Newest</a>
      <button type="button" disabled=${!next} onClick=${() =>
      go(href(place, { ...filters, cursor: next }))}>Older</button></div>`
  }
  `;
}

/** @param {{ filtered: boolean }} props */
function NoRuns({ filtered }) {
  return filtered
    ? jsx`
      <${Empty} title="No run matches.">
        <p>None is on record in this state and time. Records are kept for as long as each schedule’s history says.</p>
        </${Empty}>
    `
    : jsx`
      <${Empty} title="Nothing has run yet.">
        <p>A run is recorded for each occurrence of a schedule. <a href="#/new">Create a schedule</a>, or wait for the next fire of one.</p>
        </${Empty}>
    `;
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
