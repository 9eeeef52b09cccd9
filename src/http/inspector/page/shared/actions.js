/** The commands of the page, each with its message. */
import { useState } from 'preact/hooks';
import { call } from './api.js';
import { jsx } from './jsx.js';
import { Dialog } from './parts.js';
import { href } from './router.js';
import { toast } from './toasts.js';
import { title } from './words.js';

/** @import { ApiError } from './api.js' */
/** @import { Run, Schedule } from '../types.d.ts' */

/**
 * @param {string | null} done the message on success
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, headers?: Record<string, string> }} [options]
 * @returns {Promise<any>} the answer, null when it failed
 */
export async function act(done, method, path, options = {}) {
  try {
    const { body } = await call(method, path, options);
    if (done) toast(done);
    return body ?? {};
  } catch (error) {
    const { status, message } = /** @type {ApiError} */ (error);
    const isUnsupported = status === 405 || /there is no endpoint at/.test(message);
    toast(isUnsupported ? 'The replica’s version does not support this.' : message, { bad: true });
    return null;
  }
}

/** @param {string} id */
const at = (id) => `/schedules/${encodeURIComponent(id)}`;

/** @param {Schedule} schedule */
export async function trigger(schedule) {
  const answer = await act(null, 'POST', `${at(schedule.id)}/trigger`);
  const [run] = answer?.run_ids ?? [];
  if (answer) {
    toast(`${title(schedule)} runs now.`, { link: run && href(['runs', run]), linkText: 'Open the run' });
  }
}

/** @param {Run} run */
export async function rerun({ id }) {
  const answer = await act(null, 'POST', `/runs/${encodeURIComponent(id)}/rerun`);
  const [run] = answer?.run_ids ?? [];
  if (answer) toast('It runs again.', { link: run && href(['runs', run]), linkText: 'Open the run' });
}

/** @param {{ run: Run, onClose: () => void }} props */
export function CancelDialog({ run, onClose }) {
  const cancel = async () => {
    const done = run.waiting_for ? 'The run is cancelled.' : 'Its executor was asked to abort the attempt.';
    await act(done, 'POST', `/runs/${encodeURIComponent(run.id)}/cancel`);
    onClose();
  };
  return jsx`
    <${Dialog} title="Cancel this run?" onClose=${onClose}>
      <p>${
    run.waiting_for ? 'It ends now, and is not attempted.' : 'Its attempt is aborted, and none follows.'
  }</p>
      <div class="dialog-actions"><button type="button" onClick=${onClose}>Keep it</button>
          <button type="button" class="danger" onClick=${cancel}>Cancel the run</button></div>
      </${Dialog}>
  `;
}

/** @param {Schedule} schedule */
export const resume = (schedule) =>
  act(`${title(schedule)} fires again.`, 'POST', `${at(schedule.id)}/resume`);

/** @param {{ schedule: Schedule, onClose: () => void }} props */
export function PauseDialog({ schedule, onClose }) {
  const [reason, setReason] = useState('');
  const [until, setUntil] = useState('');
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const body = {
      ...(reason && { reason }),
      ...(until && { until: new Date(until).toISOString() }),
    };
    if (await act(`${title(schedule)} is paused.`, 'POST', `${at(schedule.id)}/pause`, { body })) onClose();
  };
  return jsx`
    <${Dialog} title=${`Pause ${title(schedule)}?`} onClose=${onClose}>
      <form onSubmit=${submit}>
        <p>A paused schedule does not fire. Paused time is never caught up.</p>
        <label class="field"><span>Reason (optional)</span>
            <input type="text" maxLength="1024" value=${reason} onInput=${(/** @type {any} */ event) =>
    setReason(event.target.value)} /></label>
        <label class="field"><span>Resume at (optional)</span>
            <input type="datetime-local" value=${until} onInput=${(/** @type {any} */ event) =>
    setUntil(event.target.value)} /></label>
        <div
          class="dialog-actions"><button type="button" onClick=${onClose}>Cancel</button><button class="primary">Pause</button></div>
      </form>
      </${Dialog}>
  `;
}

/** @param {{ schedule: Schedule, onClose: () => void, onDone: () => void }} props */
export function DeleteDialog({ schedule, onClose, onDone }) {
  const remove = async () => {
    if (await act(`${title(schedule)} is deleted.`, 'DELETE', at(schedule.id))) onDone();
  };
  return jsx`
    <${Dialog} title=${`Delete ${title(schedule)}?`} onClose=${onClose}>
      <p>It stops firing at once. Its runs are kept until their retention is over. This can’t be undone.</p>
      <div class="dialog-actions"><button type="button" onClick=${onClose}>Cancel</button>
          <button type="button" class="danger" onClick=${remove}>Delete</button></div>
      </${Dialog}>
  `;
}

/** @param {{ leader: string, term: number, others: number, onClose: () => void }} props */
export function StepDownDialog({ leader, term, others, onClose }) {
  const ask = async () => {
    if (await act(`${leader} was asked to step down.`, 'POST', '/leader/step-down', { body: { term } })) {
      onClose();
    }
  };
  return jsx`<${Dialog} title=${`Make ${leader} step down?`} onClose=${onClose}>
    <p>It settles the batch in flight and releases the lease of term ${term}; another replica acquires it, usually within
      100 ms. No run is lost: it still finishes its open runs.</p>
    ${
    others === 0 &&
    jsx`<p class="note warn">There is no other replica to take over: this one would lead again.</p>`
  }
    <div class="dialog-actions"><button type="button" onClick=${onClose}>Cancel</button>
      <button type="button" class="danger" onClick=${ask}>Step down</button></div></${Dialog}>`;
}
