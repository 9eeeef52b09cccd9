/** The filters of the list of schedules. */
import { useEffect, useRef } from 'preact/hooks';
import { jsx } from '../shared/jsx.js';
import { Icon } from '../shared/parts.js';
import { setQuery } from '../shared/router.js';

const TYPING_MS = 250;
export const FILTERS = ['q', 'type', 'tag', 'paused'];

/** @param {{ filters: Record<string, string | null> }} props */
export function FilterBar({ filters }) {
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
