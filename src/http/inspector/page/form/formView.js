/** Creates or edits a schedule, with its next fire times and problems while typing. */
import { useRef, useState } from 'preact/hooks';
import { call, useGet } from '../shared/api.js';
import { blank, bodyOf, byField, fieldsOf } from './form.js';
import { FormFields } from './formFields.js';
import { Preview, usePreview } from './formPreview.js';
import { jsx } from '../shared/jsx.js';
import { ReasonNote } from '../schedules/notUnderstood.js';
import { Failure, Heading, Icon, Segments } from '../shared/parts.js';
import { go, href } from '../shared/router.js';
import { toast } from '../shared/toasts.js';
import { isUnderstood } from '../shared/words.js';

/** @import { ApiError } from '../shared/api.js' */
/** @import { Schedule } from '../types.d.ts' */
/** @import { Stored } from '../schedules/scheduleNews.js' */

const MODES = [['form', 'Form'], ['json', 'JSON']];

/** @param {{ id: string | null }} props null for a new one */
export function FormView({ id }) {
  const { data, headers, error, reload } = useGet(
    id === null ? null : `/schedules/${encodeURIComponent(id)}`,
  );
  // Edits the version that was read first: the server detects a concurrent change by If-Match.
  const first = useRef(/** @type {{ body: Stored, etag: string | null } | null} */ (null));
  if (data && !first.current) first.current = { body: data, etag: headers?.get('etag') ?? null };
  if (id !== null && !first.current) {
    return jsx`<${Heading} title="Edit schedule" /><${Failure} error=${error} retry=${reload} />${
      !error && jsx`<div class="skeleton tall" aria-busy="true" />`
    }`;
  }
  const base = first.current?.body ?? null;
  if (base && !isUnderstood(base)) {
    return jsx`<${Heading} title="Edit schedule" lead=${jsx`<span class="mono">${id}</span>`} />
      <${ReasonNote} what="schedule" reason=${base.not_understood}><p>It can’t be changed here. <a href=${
      href(['schedules', base.id])
    }>Go to the schedule</a></p></${ReasonNote}>`;
  }
  return jsx`<${Form} id=${id} base=${base} etag=${first.current?.etag ?? null} />`;
}

/** @param {{ id: string | null, base: Schedule | null, etag: string | null }} props */
function Form({ id, base, etag }) {
  const [mode, setMode] = useState('form');
  const [fields, setFields] = useState(() => base ? fieldsOf(base) : blank());
  const [json, setJson] = useState('');
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const { refusal, setRefusal, isBusy, submit } = useSubmit({ id, etag, form });
  const parsed = mode === 'form' ? { body: bodyOf(fields, base ?? {}), mistake: null } : parse(json);
  const preview = usePreview(parsed.body);
  // A refusal has all problems; the preview has those of the present input.
  const problems = byField([...refusal?.problems ?? [], ...preview.problems]);

  const change = (/** @type {string} */ pointer, /** @type {string} */ value) => {
    setRefusal(null);
    setFields((all) => ({ ...all, [pointer]: value }));
  };
  const switchTo = (/** @type {string} */ next) => {
    if (next === 'json') setJson(JSON.stringify(bodyOf(fields, base ?? {}), null, 2));
    else if (parsed.body) setFields(fieldsOf(id === null ? parsed.body : { ...parsed.body, id }));
    setMode(next);
  };
  return jsx`
    <${Heading} title=${id === null ? 'New schedule' : `Edit ${base?.name ?? id}`}>
      <${Segments} label="Write as" options=${MODES} value=${mode} onChange=${switchTo} />
      </${Heading}>
      <form ref=${form} class="editor" onSubmit=${submit(parsed.body)} noValidate>
        <div class="editor-fields">
        <${Refusal} refusal=${refusal} details=${problems.get('') ?? []} />
        ${
    mode === 'form'
      ? jsx`<${FormFields} fields=${fields} problems=${problems} isNew=${id === null} onChange=${change} />`
      : jsx`<${JsonField} json=${json} mistake=${parsed.mistake} problems=${problems} onChange=${setJson} />`
  }
        <div class="form-actions"><button class="primary" disabled=${isBusy || !parsed.body}>${
    id === null ? 'Create schedule' : 'Save'
  }</button>
          <a class="button" href=${id === null ? '#/schedules' : href(['schedules', id])}>Cancel</a></div>
      </div>
        <aside class="panel preview" aria-labelledby="preview">
          <h2 id="preview">Next fire times</h2>
          <${Preview} preview=${preview} paused=${parsed.body?.paused === true} />
        </aside>
      </form>
  `;
}

/**
 * Sends the schedule; after a refusal, focuses the first invalid field.
 * @param {{ id: string | null, etag: string | null, form: { current: HTMLFormElement | null } }} options
 */
function useSubmit({ id, etag, form }) {
  const [refusal, setRefusal] = useState(/** @type {ApiError | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  const send = (/** @type {any} */ body) =>
    id === null ? call('POST', '/schedules', { body }) : call('PUT', `/schedules/${encodeURIComponent(id)}`, {
      body,
      headers: etag ? { 'If-Match': etag } : {},
    });
  const submit = (/** @type {any} */ body) => async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!body || isBusy) return;
    setBusy(true);
    try {
      const { body: saved } = await send(body);
      toast(id === null ? 'The schedule is created.' : 'The change is saved.');
      go(href(['schedules', saved.id]));
    } catch (error) {
      setRefusal(/** @type {ApiError} */ (error));
      setBusy(false);
      requestAnimationFrame(() =>
        /** @type {HTMLElement | null} */ (form.current?.querySelector('[aria-invalid=true]') ??
          form.current?.querySelector('.failure'))?.focus()
      );
    }
  };
  return { refusal, setRefusal, isBusy, submit };
}

/** @param {{ refusal: ApiError | null, details: string[] }} props `details`: the problems without a field */
function Refusal({ refusal, details }) {
  const error = refusal?.status === 412 ? new Error(CHANGED_MEANWHILE) : refusal;
  return jsx`
    <${Failure} error=${error} />
    ${
    details.length > 0 && jsx`
      <div class="failure" role="alert">
        <${Icon} name="alert" />
        <ul class="plain">${details.map((detail) => jsx`<li key=${detail}>${detail}</li>`)}</ul>
      </div>
    `
  }
  `;
}

const CHANGED_MEANWHILE =
  'Another client has changed this schedule. Open it again to see the change; yours is not saved.';

/**
 * @param {{ json: string, mistake: string | null, problems: Map<string, string[]>, onChange: (json: string) => void }} props
 */
function JsonField({ json, mistake, problems, onChange }) {
  const details = [...problems].filter(([pointer]) => pointer !== '').flatMap(([, each]) => each);
  return jsx`
    <label class="field"><span>Schedule, as JSON</span>
      <textarea class="mono" rows="24" spellcheck=${false} value=${json} aria-invalid=${mistake !== null}
        onInput=${(/** @type {any} */ event) => onChange(event.target.value)} /></label>
    ${mistake && jsx`<p class="field-problem" role="alert">${mistake}</p>`}
    ${details.map((detail) => jsx`<p key=${detail} class="field-problem">${detail}</p>`)}
  `;
}

/** @param {string} text @returns {{ body: any, mistake: string | null }} */
function parse(text) {
  try {
    return { body: JSON.parse(text), mistake: null };
  } catch (error) {
    return { body: null, mistake: `Not JSON: ${/** @type {Error} */ (error).message}` };
  }
}
