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
  ['cron', 'Cron', 'by a calendar: hours, weekdays, months'],
  ['duration', 'Interval', 'repeatedly, at a fixed interval'],
  ['at_times', 'At times', 'once at each of these times'],
];
/** @type {[string, string][]} */
const CATCH_UP = [
  ['', 'run all of them (default)'],
  ['all', 'run all of them'],
  ['latest', 'run only the latest'],
  ['none', 'run none of them'],
];
/** @type {[string, string][]} */
const OVERLAP = [
  ['', 'run it as well (default)'],
  ['allow', 'run it as well'],
  ['skip', 'skip it'],
  ['queue', 'queue it: one at a time, in order'],
  ['replace', 'cancel the open run, and run it'],
];
/** The options that the defaults stand for. */
const DEFAULTS = ['all', 'allow', 'retry'];
/** @type {[string, string][]} */
const EXECUTOR_LOSS = [
  ['', 'retry (default)'],
  ['retry', 'retry'],
  ['abandon', 'abandon'],
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
      <${Text} ...${props} at="/definition/anchor" label="Anchor" mono=${true}
        hint="Optional: RFC 3339; by default when it is created." />`
  }
    ${
    type === 'at_times' && jsx`
      <${Text} ...${props} at="/definition/times" label="Times" mono=${true} rows=${5}
        hint="One per line: RFC 3339, such as 2026-12-31T23:59:00Z" />`
  }
    <details open=${isBounded}><summary>Only within a period</summary>
      <${Text} ...${props} at="/start_at" label="Not before" mono=${true} hint="RFC 3339" />
      <${Text} ...${props} at="/end_at" label="Not after" mono=${true} hint="RFC 3339" /></details></fieldset>`;
}

/** @param {Props} props */
function What(props) {
  return jsx`<fieldset><legend>Name and tags</legend>
    <div class="pair">
      <${Text} ...${props} at="/name" label="Name" hint="Optional" />
      ${
    props.isNew && jsx`<${Text} ...${props} at="/id" label="Id" mono=${true}
        hint="Optional: A–Z a–z 0–9 . _ -; generated if empty" />`
  }</div>
    <${Text} ...${props} at="/description" label="Description" rows=${2} />
    <${Text} ...${props} at="/tags" label="Tags" hint="One per line, such as team: billing" rows=${2} /></fieldset>`;
}

/** @param {Props} props */
function Policy(props) {
  const isPaused = props.fields['/paused'] === 'yes';
  const pause = (/** @type {any} */ event) => props.onChange('/paused', event.target.checked ? 'yes' : '');
  return jsx`<fieldset><legend>Policy and retention</legend>
    <div class="pair">
      <${Choice} ...${props} at="/policy/overlap" label="When a run is still open" options=${OVERLAP} />
      <${Text} ...${props} at="/policy/timeout" label="Timeout of an attempt" mono=${true} placeholder="30s" />
      <${Text} ...${props} at="/policy/retry/max_attempts" label="Attempts at most" mono=${true} placeholder="1" />
      <${Text} ...${props} at="/policy/retry/initial_backoff" label="First back-off" mono=${true} placeholder="1s" />
      <${Text} ...${props} at="/policy/retry/multiplier" label="Back-off multiplier" mono=${true} placeholder="2" />
      <${Text} ...${props} at="/policy/retry/max_backoff" label="Longest back-off" mono=${true} placeholder="10m" />
      <${Choice} ...${props} at="/policy/catch_up" label="Occurrences due without a leader" options=${CATCH_UP} />
      <${Text} ...${props} at="/policy/catch_up_window" label="Missed if older than" mono=${true} placeholder="60s" />
      <${Choice} ...${props} at="/policy/on_executor_loss" label="Runs whose executor is lost" options=${EXECUTOR_LOSS} />
      <${Text} ...${props} at="/jitter" label="Jitter" mono=${true} placeholder="none" hint="Start up to this much later." />
      <${Text} ...${props} at="/max_runs" label="Runs at most" mono=${true} placeholder="no limit" />
      <span />
      <${Text} ...${props} at="/history/success" label="Keep successful runs for" mono=${true} placeholder="24h" />
      <${Text} ...${props} at="/history/failure" label="Keep failed runs for" mono=${true} placeholder="168h" /></div>
    <label class="check"><input type="checkbox" checked=${isPaused} onChange=${pause} />
      <span>Paused: it does not fire until it is resumed</span></label>
    ${
    isPaused && jsx`<${Text} ...${props} at="/pause_reason" label="Reason of the pause" />
      <${Text} ...${props} at="/pause_until" label="Paused until" mono=${true} hint="Optional: RFC 3339" />`
  }</fieldset>`;
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
    options.filter(([value]) => !DEFAULTS.includes(value) || fields[at] === value)
      .map(([value, text]) => jsx`<option key=${value} value=${value}>${text}</option>`)
  }</select>
    ${wrong?.map((detail) => jsx`<p key=${detail} class="field-problem">${detail}</p>`)}</div>`;
}
