/** Short messages about what a person has asked for: whether it was done, or why not. */
import { useEffect, useReducer } from 'preact/hooks';
import { jsx } from './jsx.js';
import { Icon } from './parts.js';

const SHOWN_MS = 6000;

/** @type {{ id: number, text: string, bad: boolean }[]} */
let toasts = [];
let ids = 0;
let tell = () => {};

/**
 * @param {string} text
 * @param {boolean} [bad]
 */
export function toast(text, bad = false) {
  const id = ++ids;
  toasts = [...toasts.slice(-2), { id, text, bad }];
  tell();
  setTimeout(() => dismiss(id), bad ? 2 * SHOWN_MS : SHOWN_MS);
}

/** @param {number} id */
function dismiss(id) {
  toasts = toasts.filter((each) => each.id !== id);
  tell();
}

export function Toasts() {
  const [, render] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    tell = () => render(0);
  }, []);
  return jsx`<div class="toasts" role="status" aria-live="polite">${
    toasts.map(({ id, text, bad }) =>
      jsx`<div key=${id} class=${`toast ${bad ? 'bad' : 'ok'}`}><${Icon} name=${
        bad ? 'alert' : 'check'
      } /><span>${text}</span>
      <button type="button" class="ghost" aria-label="Dismiss" onClick=${() =>
        dismiss(id)}><${Icon} name="cross" /></button></div>`
    )
  }</div>`;
}
