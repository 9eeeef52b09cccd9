/** Small parts shared by all views. */
import { useEffect, useRef } from 'preact/hooks';
import { serverNowMs, useNow } from './clock.js';
import { clockTime, relative } from './format.js';
import { jsx } from './jsx.js';
import { runLook } from './words.js';

/** @type {Record<string, string>} 16 by 16 */
const ICONS = {
  check: 'M3 8.5 6.5 12 13 4.5',
  cross: 'M4 4l8 8M12 4l-8 8',
  clock: 'M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11M8 5v3.2l2.2 1.4',
  ban: 'M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11M4.2 4.2l7.6 7.6',
  skip: 'M3.5 4l5 4-5 4M12 4v8',
  play: 'M5 3.5l7.5 4.5L5 12.5z',
  loop: 'M12.7 9A5 5 0 1 1 12 5M12.7 2.5V5.5H9.7',
  dot: 'M8 5.5a2.5 2.5 0 1 1 0 5a2.5 2.5 0 1 1 0-5',
  ring: 'M8 3a5 5 0 1 1 0 10a5 5 0 1 1 0-10',
  half: 'M8 3a5 5 0 1 1 0 10a5 5 0 1 1 0-10M8 3v10',
  alert: 'M8 2.5 14 13H2zM8 6.5v3M8 11v.4',
  minus: 'M3.5 8h9',
  star: 'M8 2l1.8 3.9 4.2.5-3.1 2.9.8 4.2L8 11.4 4.3 13.5l.8-4.2L2 6.4l4.2-.5z',
  up: 'M8 13V4M4 7.5 8 3.5l4 4',
  down: 'M8 3v9M4 8.5l4 4 4-4',
  bolt: 'M9 2 4 9h4l-1 5 5-7H8z',
  plus: 'M8 3v10M3 8h10',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  right: 'M6 3.5 10.5 8 6 12.5',
  left: 'M10 3.5 5.5 8l4.5 4.5',
  sun:
    'M8 5.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 1 1 0-5.6M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9',
  moon: 'M13 9.8A5.5 5.5 0 1 1 6.2 3a4.4 4.4 0 0 0 6.8 6.8z',
  auto: 'M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11M8 2.5v11M10 4v8M12 5.5v5',
  question: 'M5.5 6.2a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.7M8 12.6v.4',
  search: 'M7 3a4 4 0 1 1 0 8a4 4 0 1 1 0-8M10 10l3.5 3.5',
};
const FILLED = new Set(['dot', 'play', 'star']);

/** @param {{ name: string }} props */
export function Icon({ name }) {
  return jsx`
    <svg class=${`icon ${FILLED.has(name) ? 'filled' : ''}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d=${ICONS[name] ?? ICONS.ring} />
    </svg>
  `;
}

/** @param {{ look: import('./words.js').Look, quiet?: boolean }} props */
export function Badge({ look, quiet }) {
  return jsx`<span class=${`badge ${look.tone} ${
    quiet ? 'quiet' : ''
  }`}><${Icon} name=${look.icon} />${look.label}</span>`;
}

/** @param {{ run: Pick<import('../types.d.ts').Run, 'state' | 'waiting_for'> }} props */
export function RunState({ run }) {
  return jsx`<${Badge} look=${runLook(run)} />`;
}

/**
 * A moment: its age or the time until then; the tip has the time in UTC, local time, and the schedule's
 * zone.
 * @param {{ at: string | number | null | undefined, zone?: string, clock?: 'short' | 'fine' }} props `clock` shows the time of day instead
 */
export function Time({ at, zone, clock }) {
  const ms = typeof at === 'number' ? at : at ? Date.parse(at) : NaN;
  const text = useNow((nowMs) => clock || Number.isNaN(ms) ? '' : relative(ms, nowMs));
  if (Number.isNaN(ms)) return jsx`<span class="dim">–</span>`;
  const content = clock ? clockTime(ms, clock === 'fine') : text;
  return jsx`<time dateTime=${new Date(ms).toISOString()} data-at=${ms} data-zone=${zone}>${content}</time>`;
}

/**
 * A full moment in a line of text: local date and time, and its age.
 * @param {{ at: string | null | undefined, zone?: string, bare?: boolean }} props `bare` leaves out the age
 */
export function Moment({ at, zone, bare }) {
  if (!at) return jsx`<span class="dim">–</span>`;
  const ms = Date.parse(at);
  const text = `${dayUnlessToday(ms)}${clockTime(ms, true)}`;
  if (bare) return jsx`<time dateTime=${at} data-at=${ms} data-zone=${zone}>${text}</time>`;
  return jsx`<span class="moment"><span class="num">${text}</span> <span class="dim">(<${Time} at=${at} zone=${zone} />)</span></span>`;
}

/** @param {number} ms */
function dayUnlessToday(ms) {
  const [day, today] = [new Date(ms), new Date(serverNowMs())];
  if (day.toDateString() === today.toDateString()) return '';
  const year = day.getFullYear() === today.getFullYear() ? undefined : 'numeric';
  return `${day.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year })}, `;
}

/** @param {{ title: string, children?: any }} props */
export function Empty({ title, children }) {
  return jsx`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;
}

/** @param {{ error: Error | null, retry?: () => void }} props */
export function Failure({ error, retry }) {
  if (!error) return null;
  return jsx`<div class="failure" role="alert"><${Icon} name="alert" /><p>${error.message}</p>
    ${retry && jsx`<button type="button" onClick=${retry}>Try again</button>`}</div>`;
}

/**
 * The title of a view, which gets the focus on navigation.
 * @param {{ title: string, lead?: any, children?: any }} props
 */
export function Heading({ title, lead, children }) {
  useEffect(() => {
    document.title = `${title} · hascheduler`;
  }, [title]);
  return jsx`
    <div class="heading">
      <div><h1 tabIndex=${-1}>${title}</h1>${lead && jsx`<p class="lead">${lead}</p>`}</div>
      <div class="actions">${children}</div>
    </div>
  `;
}

/** @param {{ facts: [string, any][] }} props names and values; a value of null omits the line */
export function Facts({ facts }) {
  return jsx`<dl class="facts">${
    facts.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) =>
      jsx`
        <div key=${name}>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

/**
 * A modal dialog. Closes by Escape, and by `onClose`.
 * @param {{ title: string, onClose: () => void, children?: any }} props
 */
export function Dialog({ title, onClose, children }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    ref.current?.showModal();
  }, []);
  return jsx`<dialog ref=${ref} aria-labelledby="dialog-title" onClose=${onClose}>
    <h2 id="dialog-title">${title}</h2>${children}</dialog>`;
}

/**
 * A choice of one among a few.
 * @param {{ label: string, options: [string, string][], value: string, onChange: (value: string) => void }} props
 */
export function Segments({ label, options, value, onChange }) {
  return jsx`<div class="segments" role="group" aria-label=${label}>${
    options.map(([key, text]) =>
      jsx`<button type="button" key=${key} aria-pressed=${value === key} onClick=${() =>
        onChange(key)}>${text}</button>`
    )
  }</div>`;
}

/**
 * @param {{ label: string, on: boolean, onChange: (on: boolean) => void, tip?: string }} props
 */
export function Switch({ label, on, onChange, tip }) {
  return jsx`
    <button type="button" class="switch" role="switch" aria-checked=${on} data-tip=${tip}
      onClick=${() => onChange(!on)}>
        <span class="knob" aria-hidden="true" />${label}</button>
  `;
}

/**
 * Links to the next page of a list, and to its first. (The browser's back button leads to the
 * previous one.)
 * @param {{ first: string | null, firstText: string, next: string | null, nextText: string }} props
 */
export function Pager({ first, firstText, next, nextText }) {
  if (!first && !next) return null;
  return jsx`<nav class="pager" aria-label="Pages">
    ${first && jsx`<a class="button" href=${first}>${firstText}</a>`}
    ${next && jsx`<a class="button" href=${next}>${nextText}</a>`}</nav>`;
}
