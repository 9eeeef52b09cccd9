/** The fields of a schedule. */
import { jsx } from '../shared/jsx.js';
import { bodyValue } from './formAction.js';
import { Check, Choice, Choices, Text } from './formParts.js';
import { zones } from './form.js';

/** @import { Props } from './formParts.js' */

/** @type {[string, string, string][]} */
const TYPES = [
  ['cron', 'Cron', 'by a calendar: hours, weekdays, months'],
  ['duration', 'Interval', 'repeatedly, at a fixed interval'],
  ['at_times', 'At times', 'once at each of these times'],
];
/** @type {[string, string, string][]} */
const ACTIONS = [
  ['log', 'Log', 'writes a line, to try things out'],
  ['http', 'HTTP', 'sends a request'],
];
/** @type {[string, string][]} */
const METHODS = ['POST', 'GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((name) => [name, name]);
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
/** @type {[string, string][]} */
const EXECUTOR_LOSS = [
  ['', 'retry (default)'],
  ['retry', 'retry'],
  ['abandon', 'abandon'],
];

/** @param {Props} props */
export function FormFields(props) {
  return jsx`<${When} ...${props} /><${Action} ...${props} /><${What} ...${props} /><${Policy} ...${props} />`;
}

/** @param {Props} props */
function When(props) {
  const type = props.fields['/type'];
  const isBounded = Boolean(props.fields['/start_at'] || props.fields['/end_at']);
  return jsx`<fieldset><legend>When it fires</legend>
    <${Choices} ...${props} at="/type" label="Type" options=${TYPES} />
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
function Action(props) {
  const { '/action/type': type, '/action/other': other, '/action/body': body = '' } = props.fields;
  const sent = typeof bodyValue(body) === 'string' ? 'text' : 'JSON';
  return jsx`<fieldset><legend>What it does</legend>
    <${Choices} ...${props} at="/action/type" label="Action" options=${
    other ? [...ACTIONS, [other, other, 'stays as it is: this page does not know it']] : ACTIONS
  } />
    ${
    type === 'log' && jsx`<div class="pair">
      <${Text} ...${props} at="/action/takes" label="An attempt takes" mono=${true} hint="Optional: up to 1h" />
      <${Text} ...${props} at="/action/fails" label="Share of attempts that fail" mono=${true} hint="Optional: 0 to 1" /></div>`
  }
    ${
    type === 'http' && jsx`
      <${Choice} ...${props} at="/action/method" label="Method" options=${METHODS} />
      <${Text} ...${props} at="/action/url" label="URL" mono=${true} hint="May have placeholders such as {{run.id}}" />
      <${Text} ...${props} at="/action/headers" label="Headers" mono=${true} rows=${3}
        hint="One per line, such as Authorization: Bearer {{secret.TOKEN}}" />
      <${Text} ...${props} at="/action/body" label="Body" mono=${true} rows=${6}
        hint=${body.trim() ? `Sent as ${sent}` : 'Optional: JSON, or else text'} />
      <div class="pair">
      <${Text} ...${props} at="/action/success" label="Success" mono=${true} placeholder="2xx"
        hint="Statuses, such as 2xx, 404" />
      <${Text} ...${props} at="/action/signing/secrets" label="Signing secrets" mono=${true}
        hint="Optional: a name, or two during a rotation" /></div>
      <${Check} ...${props} at="/action/cloud_events" label="CloudEvents: adds their attributes as headers" />`
  }</fieldset>`;
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
  return jsx`<fieldset><legend>Policy and retention</legend>
    <div class="pair">
      <${Choice} ...${props} at="/policy/overlap" label="When a run is still open" options=${OVERLAP} />
      <${Text} ...${props} at="/policy/timeout" label="Timeout of an attempt" mono=${true} placeholder="30s" />
      <${Text} ...${props} at="/policy/retry/max_attempts" label="Attempts at most" mono=${true} placeholder=${
    props.fields['/action/type'] === 'http' ? '3' : '1'
  } />
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
    <${Check} ...${props} at="/paused" label="Paused: it does not fire until it is resumed" />
    ${
    isPaused && jsx`<${Text} ...${props} at="/pause_reason" label="Reason of the pause" />
      <${Text} ...${props} at="/pause_until" label="Paused until" mono=${true} hint="Optional: RFC 3339" />`
  }</fieldset>`;
}
