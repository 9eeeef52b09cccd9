/** A schedule that the version of the replica which answered does not understand: there is nothing but its id and why. */
import { useState } from 'preact/hooks';
import { DeleteDialog } from './actions.js';
import { jsx } from './jsx.js';
import { Heading, Icon } from './parts.js';
import { go, href } from './router.js';
import { Runs } from './runsView.js';

/** @import { Schedule } from './types.d.ts' */

/**
 * As it is after it was told of anew. Of one that is not understood no other field is told: none of before, or for
 * afterwards, may stay.
 * @param {Schedule} before
 * @param {Schedule} told
 * @returns {Schedule}
 */
export function renewed(before, told) {
  const isOther = told.not_understood !== undefined || before.not_understood !== undefined;
  return isOther ? { recent_runs: before.recent_runs ?? [], ...told } : { ...before, ...told };
}

/** @param {{ schedule: Schedule, gone: boolean }} props */
export function NotUnderstoodRow({ schedule: { id, not_understood }, gone }) {
  return jsx`<tr class=${gone ? 'gone' : ''}>
    <td class="main-cell"><a class="row-link" href=${href(['schedules', id])}>${id}</a>
      ${gone && jsx`<span class="dim"> deleted</span>`}</td>
    <td colspan="3"><${Icon} name="alert" /> Not understood by this version: ${not_understood}</td>
  </tr>`;
}

/** @param {{ schedule: Schedule, gone: boolean, route: import('./router.js').Route }} props */
export function NotUnderstoodView({ schedule, gone, route }) {
  const [asks, ask] = useState(false);
  return jsx`
    <${Heading} title=${schedule.id} lead="">
      ${!gone && jsx`<button type="button" class="quiet-danger" onClick=${() => ask(true)}>Delete …</button>`}
    </${Heading}>
    <p class="note warn not-understood"><${Icon} name="alert" />Not understood by this version: ${schedule.not_understood}.
      It does not fire before a replica of a newer version leads, and can only be shown or deleted here.</p>
    <h2 class="section">Runs</h2>
    <${Runs} route=${route} scheduleId=${schedule.id} />
    ${
    asks &&
    jsx`<${DeleteDialog} schedule=${schedule} onClose=${() => ask(false)} onDone=${() =>
      go('#/schedules')} />`
  }
  `;
}
