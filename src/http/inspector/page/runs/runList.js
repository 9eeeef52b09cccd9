/** Rows of runs, as a table. */
import { duration } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { Reason } from '../schedules/notUnderstood.js';
import { RunState, Time } from '../shared/parts.js';
import { href } from '../shared/router.js';
import { attemptText, isUnderstood, runLook, spaced } from '../shared/words.js';
import { Waits } from './waits.js';

/** @import { NotUnderstood, Run } from '../types.d.ts' */

/** @param {{ runs: (Run | NotUnderstood)[], withSchedule: boolean, zone?: string }} props */
export function RunList({ runs, withSchedule, zone }) {
  return jsx`
    <div class="table-scroll" tabIndex="0" role="region" aria-label="Runs">
      <table class="rows">
        <thead>
          <tr><th scope="col">State</th>${
    withSchedule &&
    jsx`<th scope="col">Schedule</th>`
  }<th scope="col">Scheduled for</th>
          <th scope="col" class="right">Lateness</th><th scope="col" class="right">Took</th><th scope="col" class="right">Attempt</th>
          <th scope="col">Executor</th><th scope="col" class="wide">Outcome</th></tr>
        </thead>
        <tbody>${
    runs.map((run) =>
      isUnderstood(run)
        ? jsx`<${Row} key=${run.id} run=${run} withSchedule=${withSchedule} zone=${zone} />`
        : jsx`<tr key=${run.id}><td colspan=${withSchedule ? 8 : 7}>
          <span class="mono">${run.id}</span> <${Reason} reason=${run.not_understood} /></td></tr>`
    )
  }</tbody>
      </table>
    </div>
  `;
}

/** @param {{ run: Run, withSchedule: boolean, zone?: string }} props */
function Row({ run, withSchedule, zone }) {
  const {
    id,
    schedule_id,
    scheduled_for,
    lateness_ms,
    attempt,
    waiting_for,
    executor,
    term,
    started_at,
    finished_at,
  } = run;
  const tookMs = started_at && finished_at ? Date.parse(finished_at) - Date.parse(started_at) : null;
  return jsx`<tr>
    <td><a class="row-link" href=${href(['runs', id])} aria-label=${`Run ${id}: ${
    runLook(run).label
  }`}><${RunState} run=${run} /></a></td>
    ${
    withSchedule &&
    jsx`<td><a href=${href(['schedules', schedule_id])} class="mono clip">${schedule_id}</a></td>`
  }
    <td class="num nowrap"><${Time} at=${scheduled_for} clock="fine" zone=${zone} /> <span class="dim"><${Time} at=${scheduled_for} zone=${zone} /></span></td>
    <td class=${`num right nowrap ${lateness_ms > 1000 ? 'warn-text' : ''}`}>${duration(lateness_ms)}</td>
    <td class="num right nowrap">${tookMs === null ? jsx`<span class="dim">–</span>` : duration(tookMs)}</td>
    <td class="num right nowrap">${attempt ? attemptText(run) : jsx`<span class="dim">–</span>`}</td>
    <td class="nowrap">${executor ?? jsx`<span class="dim">–</span>`} ${
    term > 0 && jsx`<span class="dim num">term ${term}</span>`
  }</td>
    <td class="wide dim clip">${waiting_for && jsx`waits <${Waits} run=${run} />${outcome(run) && ' · '}`}${
    outcome(run)
  }</td></tr>`;
}

/** @param {Run} run */
function outcome({ error, reason, output, trigger, count }) {
  const parts = [
    trigger === 'schedule' ? null : trigger.replace('_', '-'),
    reason && spaced(reason),
    count && count > 1 ? `${count} occurrences` : null,
    error ?? output,
  ];
  return parts.filter((part) => part).join(' · ');
}
