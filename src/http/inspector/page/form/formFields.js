/** The fields of a schedule. */
import { jsx } from '../shared/jsx.js';
import { zones } from './form.js';

/**
 * @typedef {object} Props
 * @property {Record<string, string>} fields
 * @property {Map<string, string[]>} problems
 * @property {boolean} isNew
 * @property {(pointer: string, value: string) => void} onChange
 */

/** @type {[string, string, string][]} */
const TYPES = [
  ['cron', 'Cron', 'at times of day and days of the week'],
  ['duration', 'Interval', 'again and again, so far apart'],
  ['at_times', 'At times', 'at these moments only'],
];
/** @type {[string, string][]} */
const CATCH_UP = [
  ['', 'all of it is run (default)'],
  ['all', 'all of it is run'],
  ['latest', 'only the latest is run'],
  ['none', 'none of it is run'],
];
/** @type {[string, string][]} */
const EXECUTOR_LOSS = [
  ['', 'is tried again (default)'],
  ['retry', 'is tried again'],
  ['abandon', 'is given up'],
];

/** @param {Props} props */
export function FormFields(props) {
  return jsx`<${When} ...${props} /><${What} ...${props} /><${Policy} ...${props} />`;
}

/** @param {Props} props */
function When(props) {
  const type = props.fields['/type'];
  const isBounded = Boolean(props.fields['/start_at'] || props.fields['/end_at']);
  return jsx`<fieldset><legend>When it fires</legend>
    <div class="choices" role="radiogroup" aria-label="Type">${
    TYPES.map(([value, text, what]) =>
      jsx`<label key=${value} class="choice">
        <input type="radio" name="type" value=${value} checked=${type === value} onChange=${() =>
        props.onChange('/type', value)} />
        <span><strong>${text}</strong><span class="dim">${what}</span></span></label>`
    )
  }</div>
    ${
    type === 'cron' && jsx`
      <${Text} ...${props} at="/definition/cron_expression" label="Cron expression" mono=${true}
        hint="minute hour day month weekday, or 6 fields with seconds first" />
      <${Choice} ...${props} at="/definition/timezone" label="Time zone" options=${
      zones(props.fields['/definition/timezone']).map((zone) => [zone, zone])
    } />`
  }
    ${
    type === 'duration' && jsx`
      <${Text} ...${props} at="/definition/interval" label="Interval" mono=${true} hint="such as 300ms, 90s, 1h30m" />
      <${Text} ...${props} at="/definition/anchor" label="Counted from" mono=${true}
        hint="Optional: RFC 3339. Else from when it is created." />`
  }
    ${
    type === 'at_times' && jsx`
      <${Text} ...${props} at="/definition/times" label="Times" mono=${true} rows=${5}
        hint="One a line: RFC 3339, such as 2026-12-31T23:59:00Z" />`
  }
    <details open=${isBounded}><summary>Only within a time</summary>
      <${Text} ...${props} at="/start_at" label="Not before" mono=${true} hint="RFC 3339" />
      <${Text} ...${props} at="/end_at" label="Not after" mono=${true} hint="RFC 3339" /></details></fieldset>`;
}

/** @param {Props} props */
function What(props) {
  return jsx`<fieldset><legend>What it is</legend>
    <div class="pair">
      <${Text} ...${props} at="/name" label="Name" hint="For people" />
      ${
    props.isNew && jsx`<${Text} ...${props} at="/id" label="Id" mono=${true}
        hint="Optional: A–Z a–z 0–9 . _ -; else one is made up" />`
  }</div>
    <${Text} ...${props} at="/description" label="Description" rows=${2} />
    <${Text} ...${props} at="/tags" label="Tags" hint="One a line, such as team: billing" rows=${2} /></fieldset>`;
}

/** @param {Props} props */
function Policy(props) {
  const isPaused = props.fields['/paused'] === 'yes';
  const pause = (/** @type {any} */ event) => props.onChange('/paused', event.target.checked ? 'yes' : '');
  return jsx`<fieldset><legend>If something is in the way</legend>
    <div class="pair">
      <${Choice} ...${props} at="/policy/catch_up" label="What fell due while nobody led" options=${CATCH_UP} />
      <${Text} ...${props} at="/policy/catch_up_window" label="Missed, if older than" mono=${true} placeholder="60s" />
      <${Choice} ...${props} at="/policy/on_executor_loss" label="A run whose replica died" options=${EXECUTOR_LOSS} />
      <span />
      <${Text} ...${props} at="/history/success" label="Keep records of successes for" mono=${true} placeholder="24h" />
      <${Text} ...${props} at="/history/failure" label="Keep records of failures for" mono=${true} placeholder="168h" /></div>
    <label class="check"><input type="checkbox" checked=${isPaused} onChange=${pause} />
      <span>Paused: it fires only after it has been resumed</span></label>
    ${isPaused && jsx`<${Text} ...${props} at="/pause_reason" label="Why it is paused" />`}</fieldset>`;
}

/**
 * @param {Props & { at: string, label: string, hint?: string, rows?: number, mono?: boolean, placeholder?: string }} props
 */
function Text({ fields, problems, onChange, at, label, hint, rows, mono, placeholder }) {
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
function Choice({ fields, problems, onChange, at, label, options }) {
  const wrong = problems.get(at);
  const id = `field${at.replaceAll('/', '-')}`;
  return jsx`<div class=${`field ${wrong ? 'wrong' : ''}`}><label for=${id}>${label}</label>
    <select id=${id} value=${fields[at] ?? options[0]?.[0]} aria-invalid=${
    wrong ? 'true' : undefined
  } onChange=${(
    /** @type {any} */ event,
  ) => onChange(at, event.target.value)}>
      ${
    options.filter(([value]) => value === '' || value !== 'all' && value !== 'retry' || fields[at] === value)
      .map(([value, text]) => jsx`<option key=${value} value=${value}>${text}</option>`)
  }</select>
    ${wrong?.map((detail) => jsx`<p key=${detail} class="field-problem">${detail}</p>`)}</div>`;
}
