/** The next fire times of a schedule. */
import { useEffect } from 'preact/hooks';
import { url, useGet } from '../shared/api.js';
import { useNow } from '../shared/clock.js';
import { jsx } from '../shared/jsx.js';
import { Failure, Time } from '../shared/parts.js';

/** @import { Occurrence, Schedule } from '../types.d.ts' */

const REFRESH_MS = 2000;
const UPCOMING = 8;
const COMPLETED = 'None: the schedule is completed.';

/** @param {{ schedule: Schedule, isDeleted: boolean }} props */
export function Upcoming({ schedule, isDeleted }) {
  const { id, paused, completed, revision } = schedule;
  const { data, error, reload } = useGet(
    isDeleted ? null : url(`/schedules/${encodeURIComponent(id)}/occurrences`, { count: UPCOMING }),
  );
  const passed = useNow((nowMs) =>
    data?.occurrences.filter((/** @type {Occurrence} */ { at }) => Date.parse(at) <= nowMs).length ?? 0
  );
  const known = /** @type {Occurrence[]} */ (data?.occurrences ?? []);
  // For a schedule that fires faster than the refresh, shows the last answer.
  const left = passed < known.length ? known.slice(passed) : known;
  useEffect(() => reload(), [revision]);
  useEffect(() => {
    const timer = setTimeout(() => passed > 0 && reload(), REFRESH_MS);
    return () => clearTimeout(timer);
  }, [passed > 0, data]);
  if (isDeleted) return jsx`<p class="dim">None: the schedule is deleted.</p>`;
  if (error) return jsx`<${Failure} error=${error} />`;
  if (paused && completed) return jsx`<p class="dim">${COMPLETED}</p>`;
  if (paused) return jsx`<p class="dim">None while it is paused.</p>`;
  if (!data) return jsx`<div class="skeleton" aria-busy="true" />`;
  return jsx`<${OccurrenceList} occurrences=${left} none=${COMPLETED} />`;
}

/** @param {{ occurrences: Occurrence[], none: string }} props */
export function OccurrenceList({ occurrences, none }) {
  if (occurrences.length === 0) return jsx`<p class="dim">${none}</p>`;
  return jsx`<ol class="occurrences">${
    occurrences.map(({ at, local, zone }) =>
      jsx`<li key=${at}><span class="num nowrap">${
        local.replace('T', ' ').replace(/(\.000)?([+-]\d\d:\d\d|Z)$/, '')
      }</span>
      <span class="dim nowrap">${
        zone === 'UTC' ? 'UTC' : `${local.slice(-6)} ${zone}`
      }</span><${Time} at=${at} zone=${zone} /></li>`
    )
  }</ol>`;
}
