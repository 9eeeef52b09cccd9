/** One schedule: what it is, what its job does at the moment, what it will do, and what it did. */
import { useEffect, useState } from 'preact/hooks';
import { DeleteDialog, PauseDialog, resume, trigger } from './actions.js';
import { url, useGet } from './api.js';
import { serverNowMs, useNow } from './clock.js';
import { jsx } from './jsx.js';
import { JobChart } from './jobChart.js';
import { NextFire } from './nextFire.js';
import { NotUnderstoodView, renewed } from './notUnderstood.js';
import { Facts, Failure, Heading, Icon, Moment, Time } from './parts.js';
import { go, href } from './router.js';
import { Runs } from './runsView.js';
import { useEvents } from './state.js';
import { nextFireMs, timing, title } from './words.js';

/** @import { Occurrence, Schedule } from './types.d.ts' */

const REFRESH_MS = 2000;
const UPCOMING = 8;

/** @param {{ id: string, route: import('./router.js').Route }} props */
export function ScheduleView({ id, route }) {
  const { data, error, reload, set } = useGet(`/schedules/${encodeURIComponent(id)}`);
  const schedule = /** @type {Schedule | null} */ (data);
  const [asks, ask] = useState(/** @type {'pause' | 'delete' | null} */ (null));
  const [gone, setGone] = useState(false);
  useEvents(['schedule'], (entries) => {
    const last = entries.findLast((entry) => entry.data.id === id);
    if (!last) return;
    setGone(last.data.change === 'deleted');
    const { schedule: told } = last.data;
    // Events tell a long list of times by a summary.
    if (told?.type === 'at_times') reload();
    else if (told) set((old) => renewed(old, told));
  });
  useEffect(() => {
    const timer = setInterval(() => {
      if (schedule && !gone && !document.hidden && nextFireMs(schedule, serverNowMs()) === undefined) {
        reload();
      }
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [schedule, gone]);
  if (!schedule) {
    return jsx`<${Heading} title="Schedule" lead=${jsx`<span class="mono">${id}</span>`} />
      ${
      error
        ? jsx`
          <${Failure} error=${error} retry=${reload} />
          <${Runs} route=${route} scheduleId=${id} />
        `
        : jsx`<div class="skeleton tall" aria-busy="true" />`
    }`;
  }
  if (schedule.not_understood !== undefined) {
    return jsx`<${NotUnderstoodView} schedule=${schedule} gone=${gone} route=${route} />`;
  }
  return jsx`
    <${Heading} title=${title(schedule)} lead=${
    schedule.name ? jsx`<span class="mono">${id}</span>` : schedule.description ?? ''
  }>
      ${
    !gone &&
    jsx`<button type="button" class="primary" onClick=${() =>
      trigger(schedule)}><${Icon} name="play" />Run now</button>
        ${
      schedule.paused
        ? jsx`<button type="button" onClick=${() => resume(schedule)}><${Icon} name="play" />Resume</button>`
        : jsx`<button type="button" onClick=${() => ask('pause')}><${Icon} name="pause" />Pause …</button>`
    }
        <a class="button" href=${href(['schedules', id, 'edit'])}>Edit</a>
        <button type="button" class="quiet-danger" onClick=${() => ask('delete')}>Delete …</button>`
  }</${Heading}>
    ${
    gone && jsx`
      <p class="note bad"
        role="status"><${Icon} name="alert" />This schedule has been deleted. The records of its runs stay until they expire.</p>
    `
  }
    ${
    schedule.paused && !gone &&
    jsx`<p class="note warn"><${Icon} name="pause" />Paused${
      schedule.pause_reason ? `: ${schedule.pause_reason}` : ''
    }. It owes nothing meanwhile.</p>`
  }
    <div class="columns">
      <section class="panel" aria-labelledby="definition"><h2 id="definition">Definition</h2><${Definition} schedule=${schedule} gone=${gone} /></section>
      <section class="panel" aria-labelledby="upcoming"><h2 id="upcoming">Upcoming</h2><${Upcoming} schedule=${schedule} gone=${gone} /></section>
    </div>
    <section class="panel" aria-labelledby="job"><h2 id="job">Job</h2><${JobChart} schedule=${schedule} /></section>
    <h2 class="section">Runs</h2>
    <${Runs} route=${route} scheduleId=${id} zone=${schedule.definition.timezone} />
    ${asks === 'pause' && jsx`<${PauseDialog} schedule=${schedule} onClose=${() => ask(null)} />`}
    ${
    asks === 'delete' &&
    jsx`<${DeleteDialog} schedule=${schedule} onClose=${() => ask(null)} onDone=${() => go('#/schedules')} />`
  }
  `;
}

/** @param {{ schedule: Schedule, gone: boolean }} props */
function Definition({ schedule, gone }) {
  const {
    type,
    definition,
    description,
    tags,
    policy,
    history,
    action,
    start_at,
    end_at,
    created_at,
    updated_at,
    revision,
  } = schedule;
  const zone = definition.timezone;
  return jsx`
    <${Facts} facts=${[
    [
      'Fires',
      jsx`<span class="type">${type.replace('_', ' ')}</span> <span class="mono">${timing(schedule)}</span>`,
    ],
    ['Next', gone ? null : jsx`<${NextFire} schedule=${schedule} />`],
    ['What it is', schedule.name ? description : null],
    ['Action', action.type],
    ['Not before', start_at ? jsx`<${Moment} at=${start_at} zone=${zone} />` : null],
    ['Not after', end_at ? jsx`<${Moment} at=${end_at} zone=${zone} />` : null],
    [
      'Policy',
      jsx`<ul class="plain">${
        Object.entries(policy).map(([key, value]) =>
          jsx`<li key=${key}>${key.replaceAll('_', ' ')}: <span class="mono">${
            typeof value === 'object' ? JSON.stringify(value) : String(value)
          }</span></li>`
        )
      }</ul>`,
    ],
    ['Records kept', `${history.success}, failures ${history.failure}`],
    [
      'Tags',
      tags && Object.keys(tags).length > 0
        ? Object.entries(tags).map(([key, value]) =>
          jsx`
              <a key=${key} class="tag" href=${
            href(['schedules'], {
              tag: `${key}:${value}`,
            })
          }>${key}: ${value}</a>
            `
        )
        : null,
    ],
    ['Created', jsx`<${Moment} at=${created_at} />`],
    [
      'Changed',
      revision > 1 ? jsx`<${Moment} at=${updated_at} /> <span class="dim">revision ${revision}</span>` : null,
    ],
  ]} />
    <details>
      <summary>As JSON</summary>
      <pre>${
    JSON.stringify(
      schedule,
      (key, value) => ['last_run', 'recent_runs'].includes(key) ? undefined : value,
      2,
    )
  }</pre>
    </details>
  `;
}

/** @param {{ schedule: Schedule, gone: boolean }} props */
function Upcoming({ schedule, gone }) {
  const { id, paused, revision } = schedule;
  const { data, error, reload } = useGet(
    gone ? null : url(`/schedules/${encodeURIComponent(id)}/occurrences`, { count: UPCOMING }),
  );
  const passed = useNow((nowMs) =>
    data?.occurrences.filter((/** @type {Occurrence} */ { at }) => Date.parse(at) <= nowMs).length ?? 0
  );
  const known = /** @type {Occurrence[]} */ (data?.occurrences ?? []);
  // Of one that fires faster than it is read again, what was read is shown.
  const left = passed < known.length ? known.slice(passed) : known;
  useEffect(() => reload(), [revision]);
  useEffect(() => {
    const timer = setTimeout(() => passed > 0 && reload(), REFRESH_MS);
    return () => clearTimeout(timer);
  }, [passed > 0, data]);
  if (gone) return jsx`<p class="dim">None: it is deleted.</p>`;
  if (error) return jsx`<${Failure} error=${error} />`;
  if (paused) return jsx`<p class="dim">None while it is paused.</p>`;
  if (!data) return jsx`<div class="skeleton" aria-busy="true" />`;
  return jsx`<${OccurrenceList} occurrences=${left} none="None: it is completed, no occurrence is to come." />`;
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
