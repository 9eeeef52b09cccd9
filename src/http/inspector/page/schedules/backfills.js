/** The backfills of a schedule: their progress, and the form for another one. */
import { useEffect, useState } from 'preact/hooks';
import { act } from '../shared/actions.js';
import { url, useGet, usePosted } from '../shared/api.js';
import { serverNowMs } from '../shared/clock.js';
import { number, plural } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { Badge, Dialog, Failure, Moment } from '../shared/parts.js';
import { RUN_STATES, title, UNKNOWN } from '../shared/words.js';

/** @import { Backfill, Schedule } from '../types.d.ts' */

const REFRESH_MS = 1500;
const SHOWN = 5;

/** @type {Record<string, import('../shared/words.js').Look>} */
const STATES = { ...RUN_STATES, completed: { label: 'completed', tone: 'ok', icon: 'check' } };

/** @param {{ schedule: Schedule, isDeleted: boolean }} props */
export function Backfills({ schedule, isDeleted }) {
  const [isOpen, open] = useState(false);
  const path = `/schedules/${encodeURIComponent(schedule.id)}/backfills`;
  const { data, error, reload } = useGet(url(path, { limit: SHOWN }));
  const backfills = /** @type {Backfill[]} */ (data ?? []);
  const isRunning = backfills.some(({ state }) => state === 'running');
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => document.hidden || reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  if (error && error.status !== 404) return jsx`<${Failure} error=${error} retry=${reload} />`;
  return jsx`
    ${
    backfills.length === 0 &&
    jsx`<p class="dim">None. A backfill runs the occurrences of a time that has passed.</p>`
  }
    <ul class="backfills">${
    backfills.map((backfill) =>
      jsx`<${Row} key=${backfill.id} backfill=${backfill} zone=${schedule.definition.timezone} reload=${reload} />`
    )
  }</ul>
    ${!isDeleted && jsx`<button type="button" onClick=${() => open(true)}>Backfill …</button>`}
    ${
    isOpen && jsx`<${BackfillDialog} schedule=${schedule} path=${path} onClose=${() => {
      open(false);
      reload();
    }} />`
  }
  `;
}

/** @param {{ backfill: Backfill, zone: string | undefined, reload: () => void }} props */
function Row({ backfill: { id, from, to, state, progress }, zone, reload }) {
  const { total, already_run, ended, open } = progress;
  const cancel = async () => {
    await act('The backfill is cancelled.', 'POST', `/backfills/${encodeURIComponent(id)}/cancel`);
    reload();
  };
  const done = already_run + ended;
  return jsx`
    <li>
      <span><${Moment} at=${from} zone=${zone} bare=${true} /> – <${Moment} at=${to} zone=${zone} bare=${true} /></span>
      <${Badge} look=${STATES[state] ?? { ...UNKNOWN, label: state }} />
      <progress max=${Math.max(total, 1)} value=${total === 0 ? 1 : done} aria-label="Progress" />
      <span class="num dim">${number(done)} of ${plural(total, 'occurrence')}${
    already_run > 0 ? `, ${number(already_run)} already run` : ''
  }${open > 0 ? `, ${number(open)} open` : ''}</span>
      ${
    state === 'running' && jsx`<button type="button" class="quiet-danger" onClick=${cancel}>Cancel</button>`
  }
    </li>
  `;
}

/** @param {{ schedule: Schedule, path: string, onClose: () => void }} props */
function BackfillDialog({ schedule, path, onClose }) {
  const [fields, setFields] = useState(() => ({
    from: new Date(serverNowMs() - 3_600_000).toISOString(),
    to: new Date(serverNowMs()).toISOString(),
    max_concurrent: '1',
    again: false,
  }));
  const body = { ...fields, max_concurrent: Number(fields.max_concurrent) };
  const { data, error } = usePosted(path, { ...body, dry_run: true });
  const set = (/** @type {object} */ change) => setFields((last) => ({ ...last, ...change }));
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (await act('The backfill has begun.', 'POST', path, { body })) onClose();
  };
  return jsx`
    <${Dialog} title=${`Backfill ${title(schedule)}`} onClose=${onClose}>
      <form onSubmit=${submit}>
        <p>Runs the occurrences of the present definition in this range, oldest first.</p>
        <${Field} label="From" value=${fields.from} onInput=${(/** @type {string} */ from) =>
    set({ from })} />
        <${Field} label="To (excluded)" value=${fields.to} onInput=${(/** @type {string} */ to) =>
    set({ to })} />
        <${Field} label="Runs at a time" type="number" value=${fields.max_concurrent}
          onInput=${(/** @type {string} */ max_concurrent) => set({ max_concurrent })} />
        <label><input type="checkbox" checked=${fields.again} onChange=${(/** @type {any} */ event) =>
    set({ again: event.target.checked })} /> Also run again what has run already</label>
        <p role="status" class=${error ? 'bad-text' : ''}>${
    error
      ? error.message
      : data && `${plural(data.total, 'occurrence')}, of which ${number(data.already_run)} already run.`
  }</p>
        <div class="dialog-actions"><button type="button" onClick=${onClose}>Cancel</button>
          <button class="primary" disabled=${Boolean(error)}>Backfill</button></div>
      </form>
      </${Dialog}>
  `;
}

/** @param {{ label: string, value: string, type?: string, onInput: (value: string) => void }} props */
function Field({ label, value, type = 'text', onInput }) {
  return jsx`
    <label class="field"><span>${label}</span><input type=${type} class="mono" required min="1" max="100" value=${value}
        onInput=${(/** @type {any} */ event) => onInput(event.target.value)} /></label>
  `;
}
