/** One schedule: its definition, job, next fire times and runs. */
import { useEffect, useState } from 'preact/hooks';
import { DeleteDialog, PauseDialog, resume, trigger } from '../shared/actions.js';
import { useGet } from '../shared/api.js';
import { serverNowMs, useNow } from '../shared/clock.js';
import { Backfills } from './backfills.js';
import { Definition } from './definition.js';
import { jsx } from '../shared/jsx.js';
import { JobChart } from './jobChart.js';
import { ReasonNote } from './notUnderstood.js';
import { Failure, Heading, Icon, Moment } from '../shared/parts.js';
import { go, href } from '../shared/router.js';
import { Runs } from '../runs/runsView.js';
import { afterChange } from './scheduleNews.js';
import { useEvents } from '../shared/state.js';
import { Upcoming } from './upcoming.js';
import { isCompleted, isUnderstood, nextFireMs, title } from '../shared/words.js';

/** @import { NotUnderstood, Schedule } from '../types.d.ts' */
/** @import { Stored } from './scheduleNews.js' */

const REFRESH_MS = 2000;

/** @param {{ id: string, route: import('../shared/router.js').Route }} props */
export function ScheduleView({ id, route }) {
  const { schedule, isDeleted, error, reload } = useSchedule(id);
  const [dialog, openDialog] = useState(/** @type {'pause' | 'delete' | null} */ (null));
  if (!schedule) {
    return jsx`<${Heading} title="Schedule" lead=${jsx`<span class="mono">${id}</span>`} />
      <${Failure} error=${error} retry=${reload} />
      ${
      error
        ? jsx`<${Runs} route=${route} scheduleId=${id} />`
        : jsx`<div class="skeleton tall" aria-busy="true" />`
    }`;
  }
  const close = () => openDialog(null);
  const content = isUnderstood(schedule)
    ? jsx`<${Content} schedule=${schedule} isDeleted=${isDeleted} route=${route} openDialog=${openDialog} />`
    : jsx`<${NotUnderstoodSchedule} schedule=${schedule} isDeleted=${isDeleted} route=${route}
        onDelete=${() => openDialog('delete')} />`;
  return jsx`${content}
    ${dialog === 'pause' && jsx`<${PauseDialog} schedule=${schedule} onClose=${close} />`}
    ${
    dialog === 'delete' &&
    jsx`<${DeleteDialog} schedule=${schedule} onClose=${close} onDone=${() => go('#/schedules')} />`
  }`;
}

/** The schedule with its changes; polled while only the server can compute its next fire. @param {string} id */
function useSchedule(id) {
  const { data, error, reload, set } = useGet(`/schedules/${encodeURIComponent(id)}`);
  const schedule = /** @type {Stored | null} */ (data);
  const [isDeleted, setDeleted] = useState(false);
  useEvents(['schedule'], (entries) => {
    const last = entries.findLast((entry) => entry.data.id === id);
    if (!last) return;
    setDeleted(last.data.change === 'deleted');
    const { schedule: updated } = last.data;
    // Events only summarise a list of times.
    if (updated?.type === 'at_times') reload();
    else set((old) => afterChange(old, updated));
  });
  useEffect(() => {
    const timer = setInterval(() => {
      if (!schedule || !isUnderstood(schedule) || isDeleted || document.hidden) return;
      if (nextFireMs(schedule, serverNowMs()) === undefined) reload();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [schedule, isDeleted]);
  return { schedule, isDeleted, error, reload };
}

/** @typedef {(dialog: 'pause' | 'delete') => void} OpenDialog */

/**
 * @param {{ schedule: Schedule, isDeleted: boolean, route: import('../shared/router.js').Route, openDialog: OpenDialog }} props
 */
function Content({ schedule, isDeleted, route, openDialog }) {
  const { id, name, description, paused, pause_reason, pause_until, definition } = schedule;
  return jsx`
    <${Heading} title=${title(schedule)} lead=${
    name ? jsx`<span class="mono">${id}</span>` : description ?? ''
  }>
      ${!isDeleted && jsx`<${Actions} schedule=${schedule} openDialog=${openDialog} />`}</${Heading}>
    ${isDeleted && jsx`<${Deleted} />`}
    ${
    paused && !isDeleted &&
    jsx`<p class="note warn"><${Icon} name="pause" />Paused${pause_reason ? `: ${pause_reason}` : ''}. ${
      pause_until && jsx`It resumes at <${Moment} at=${pause_until} zone=${definition.timezone} />. `
    }Paused time is never caught up.</p>`
  }
    ${!isDeleted && jsx`<${Completed} schedule=${schedule} />`}
    <div class="columns">
      <section class="panel" aria-labelledby="definition"><h2 id="definition">Definition</h2><${Definition} schedule=${schedule} isDeleted=${isDeleted} /></section>
      <section class="panel" aria-labelledby="upcoming"><h2 id="upcoming">Upcoming</h2><${Upcoming} schedule=${schedule} isDeleted=${isDeleted} /></section>
    </div>
    <section class="panel" aria-labelledby="job"><h2 id="job">Job</h2><${JobChart} schedule=${schedule} /></section>
    <section class="panel" aria-labelledby="backfills"><h2 id="backfills">Backfills</h2><${Backfills} schedule=${schedule} isDeleted=${isDeleted} /></section>
    <h2 class="section">Runs</h2>
    <${Runs} route=${route} scheduleId=${id} zone=${definition.timezone} />
  `;
}

/** @param {{ schedule: Schedule, openDialog: OpenDialog }} props */
function Actions({ schedule, openDialog }) {
  return jsx`
    <button type="button" class="primary" onClick=${() =>
    trigger(schedule)}><${Icon} name="play" />Run now</button>
    ${
    schedule.paused
      ? jsx`<button type="button" onClick=${() => resume(schedule)}><${Icon} name="play" />Resume</button>`
      : jsx`<button type="button" onClick=${() =>
        openDialog('pause')}><${Icon} name="pause" />Pause …</button>`
  }
    <a class="button" href=${href(['schedules', schedule.id, 'edit'])}>Edit</a>
    <button type="button" class="quiet-danger" onClick=${() => openDialog('delete')}>Delete …</button>
  `;
}

function Deleted() {
  return jsx`
    <p class="note bad"
      role="status"><${Icon} name="alert" />This schedule has been deleted. Its runs are kept until their retention is over.</p>
  `;
}

/** @param {{ schedule: Schedule }} props */
function Completed({ schedule }) {
  if (!useNow((nowMs) => isCompleted(schedule, nowMs))) return null;
  return jsx`
    <p class="note idle"><${Icon} name="check" />Completed: it has no future occurrence${
    schedule.paused ? ', and would have none after a resume' : ''
  }.</p>
  `;
}

/**
 * A schedule that this version does not understand: it can be deleted.
 * @param {{ schedule: NotUnderstood, isDeleted: boolean, route: import('../shared/router.js').Route, onDelete: () => void }} props
 */
function NotUnderstoodSchedule({ schedule: { id, not_understood }, isDeleted, route, onDelete }) {
  return jsx`
    <${Heading} title=${id}>
      ${!isDeleted && jsx`<button type="button" class="quiet-danger" onClick=${onDelete}>Delete …</button>`}
    </${Heading}>
    ${
    isDeleted ? jsx`<${Deleted} />` : jsx`
      <${ReasonNote} what="schedule" reason=${not_understood}>
        <p>It can only be read or deleted here, and a leader of this version does not fire it. A leader of a version that
          understands it continues from its mark.</p>
        </${ReasonNote}>
    `
  }
    <h2 class="section">Runs</h2>
    <${Runs} route=${route} scheduleId=${id} />
  `;
}
