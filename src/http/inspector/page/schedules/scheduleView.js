/** One schedule: definition, present state of its job, next fire times, and past runs. */
import { useEffect, useState } from 'preact/hooks';
import { DeleteDialog, PauseDialog, resume, trigger } from '../shared/actions.js';
import { useGet } from '../shared/api.js';
import { serverNowMs, useNow } from '../shared/clock.js';
import { Definition } from './definition.js';
import { jsx } from '../shared/jsx.js';
import { JobChart } from './jobChart.js';
import { ReasonNote } from './notUnderstood.js';
import { Failure, Heading, Icon } from '../shared/parts.js';
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
  const { data, error, reload, set } = useGet(`/schedules/${encodeURIComponent(id)}`);
  const schedule = /** @type {Stored | null} */ (data);
  const [asks, ask] = useState(/** @type {'pause' | 'delete' | null} */ (null));
  const [gone, setGone] = useState(false);
  useEvents(['schedule'], (entries) => {
    const last = entries.findLast((entry) => entry.data.id === id);
    if (!last) return;
    setGone(last.data.change === 'deleted');
    const { schedule: told } = last.data;
    // Events only summarise a list of times.
    if (told?.type === 'at_times') reload();
    else set((old) => afterChange(old, told));
  });
  useEffect(() => {
    const timer = setInterval(() => {
      if (!schedule || !isUnderstood(schedule) || gone || document.hidden) return;
      if (nextFireMs(schedule, serverNowMs()) === undefined) reload();
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
  const dialog = asks === 'pause'
    ? jsx`<${PauseDialog} schedule=${schedule} onClose=${() => ask(null)} />`
    : asks === 'delete' &&
      jsx`<${DeleteDialog} schedule=${schedule} onClose=${() => ask(null)} onDone=${() =>
        go('#/schedules')} />`;
  if (!isUnderstood(schedule)) {
    return jsx`<${Odd} schedule=${schedule} gone=${gone} route=${route} onDelete=${() =>
      ask('delete')} />${dialog}`;
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
    ${gone && jsx`<${Gone} />`}
    ${
    schedule.paused && !gone &&
    jsx`<p class="note warn"><${Icon} name="pause" />Paused${
      schedule.pause_reason ? `: ${schedule.pause_reason}` : ''
    }. It owes nothing meanwhile.</p>`
  }
    ${!gone && jsx`<${Completed} schedule=${schedule} />`}
    <div class="columns">
      <section class="panel" aria-labelledby="definition"><h2 id="definition">Definition</h2><${Definition} schedule=${schedule} gone=${gone} /></section>
      <section class="panel" aria-labelledby="upcoming"><h2 id="upcoming">Upcoming</h2><${Upcoming} schedule=${schedule} gone=${gone} /></section>
    </div>
    <section class="panel" aria-labelledby="job"><h2 id="job">Job</h2><${JobChart} schedule=${schedule} /></section>
    <h2 class="section">Runs</h2>
    <${Runs} route=${route} scheduleId=${id} zone=${schedule.definition.timezone} />
    ${dialog}
  `;
}

function Gone() {
  return jsx`
    <p class="note bad"
      role="status"><${Icon} name="alert" />This schedule has been deleted. The records of its runs stay until they expire.</p>
  `;
}

/** @param {{ schedule: Schedule }} props */
function Completed({ schedule }) {
  if (!useNow((nowMs) => isCompleted(schedule, nowMs))) return null;
  return jsx`
    <p class="note idle"><${Icon} name="check" />Completed: it has no occurrence to come${
    schedule.paused ? ', and would have none if it were resumed' : ''
  }.</p>
  `;
}

/**
 * A schedule that this version does not understand: it can be deleted.
 * @param {{ schedule: NotUnderstood, gone: boolean, route: import('../shared/router.js').Route, onDelete: () => void }} props
 */
function Odd({ schedule: { id, not_understood }, gone, route, onDelete }) {
  return jsx`
    <${Heading} title=${id}>
      ${!gone && jsx`<button type="button" class="quiet-danger" onClick=${onDelete}>Delete …</button>`}
    </${Heading}>
    ${
    gone ? jsx`<${Gone} />` : jsx`
      <${ReasonNote} what="schedule" reason=${not_understood}>
        <p>So it can only be shown or deleted here, and a leader of this version fires nothing of it. The first leader that
          understands it goes on where the last one stopped.</p>
        </${ReasonNote}>
    `
  }
    <h2 class="section">Runs</h2>
    <${Runs} route=${route} scheduleId=${id} />
  `;
}
