/** The kinds of fields of the form. */
import { jsx } from '../shared/jsx.js';

/**
 * @typedef {object} Props
 * @property {Record<string, string>} fields
 * @property {Map<string, string[]>} problems
 * @property {boolean} isNew
 * @property {(pointer: string, value: string) => void} onChange
 */

/** The options that the defaults stand for. */
const DEFAULTS = ['all', 'allow', 'retry'];

/**
 * @param {Props & { at: string, label: string, hint?: string, rows?: number, mono?: boolean, placeholder?: string }} props
 */
export function Text({ fields, problems, onChange, at, label, hint, rows, mono, placeholder }) {
  const wrong = problems.get(at);
  const id = `field${at.replaceAll('/', '-')}`;
  const common = {
    id,
    value: fields[at] ?? '',
    class: mono ? 'mono' : '',
    placeholder,
    spellcheck: !mono,
    autocomplete: 'off',
    'aria-invalid': wrong ? 'true' : undefined,
    'aria-describedby': `${id}-hint`,
    onInput: (/** @type {any} */ event) => onChange(at, event.target.value),
  };
  return jsx`<div class=${`field ${wrong ? 'wrong' : ''}`}><label for=${id}>${label}</label>
    ${rows ? jsx`<textarea rows=${rows} ...${common} />` : jsx`<input type="text" ...${common} />`}
    <div id=${`${id}-hint`}>${
    wrong
      ? wrong.map((detail) => jsx`<p key=${detail} class="field-problem">${detail}</p>`)
      : hint && jsx`<p class="hint">${hint}</p>`
  }</div></div>`;
}

/** @param {Props & { at: string, label: string, options: [string, string][] }} props */
export function Choice({ fields, problems, onChange, at, label, options }) {
  const wrong = problems.get(at);
  const id = `field${at.replaceAll('/', '-')}`;
  return jsx`<div class=${`field ${wrong ? 'wrong' : ''}`}><label for=${id}>${label}</label>
    <select id=${id} value=${fields[at] ?? options[0]?.[0]} aria-invalid=${
    wrong ? 'true' : undefined
  } onChange=${(
    /** @type {any} */ event,
  ) => onChange(at, event.target.value)}>
      ${
    options.filter(([value]) => !DEFAULTS.includes(value) || fields[at] === value)
      .map(([value, text]) => jsx`<option key=${value} value=${value}>${text}</option>`)
  }</select>
    ${wrong?.map((detail) => jsx`<p key=${detail} class="field-problem">${detail}</p>`)}</div>`;
}

/**
 * A few options, each with a sentence.
 * @param {Props & { at: string, label: string, options: [string, string, string][] }} props
 */
export function Choices({ fields, onChange, at, label, options }) {
  return jsx`<div class="choices" role="radiogroup" aria-label=${label}>${
    options.map(([value, text, what]) =>
      jsx`<label key=${value} class="choice">
        <input type="radio" name=${at} value=${value} checked=${fields[at] === value} onChange=${() =>
        onChange(at, value)} />
        <span><strong>${text}</strong><span class="dim">${what}</span></span></label>`
    )
  }</div>`;
}

/** @param {Props & { at: string, label: string }} props */
export function Check({ fields, onChange, at, label }) {
  return jsx`<label class="check"><input type="checkbox" checked=${fields[at] === 'yes'} onChange=${(
    /** @type {any} */ event,
  ) => onChange(at, event.target.checked ? 'yes' : '')} />
      <span>${label}</span></label>`;
}
