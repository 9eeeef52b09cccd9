/** Short messages about a command: success, or the reason of the failure. */
import { useEffect, useReducer } from 'preact/hooks';
import { jsx } from './jsx.js';
import { Icon } from './parts.js';

const VISIBLE_MS = 6000;

/** @typedef {{ bad?: boolean, link?: string, linkText?: string }} Options */
/** @type {({ id: number, text: string } & Options)[]} */
let toasts = [];
let ids = 0;
let notify = () => {};

/**
 * @param {string} text
 * @param {Options} [options]
 */
export function toast(text, options = {}) {
  const id = ++ids;
  toasts = [...toasts.slice(-2), { id, text, ...options }];
  notify();
  setTimeout(() => dismiss(id), options.bad ? 2 * VISIBLE_MS : VISIBLE_MS);
}

/** @param {number} id */
function dismiss(id) {
  toasts = toasts.filter((each) => each.id !== id);
  notify();
}

export function Toasts() {
  const [, render] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    notify = () => render(0);
  }, []);
  return jsx`<div class="toasts" role="status" aria-live="polite">${
    toasts.map((one) => jsx`<${Toast} key=${one.id} ...${one} />`)
  }</div>`;
}

/** @param {{ id: number, text: string } & Options} props */
function Toast({ id, text, bad, link, linkText }) {
  return jsx`<div class=${bad ? 'toast bad' : 'toast ok'}><${Icon} name=${bad ? 'alert' : 'check'} />
    <span>${text} ${link && jsx`<a href=${link}>${linkText}</a>`}</span>
    <button type="button" class="ghost" aria-label="Dismiss" onClick=${() =>
    dismiss(id)}><${Icon} name="cross" /></button></div>`;
}
