/** Creates or edits a schedule: shows its next fire times during typing, and each problem at its field. */
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
      <${ReasonNote} what="schedule" reason=${base.not_understood}><p>So it can’t be changed here. <a href=${
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
  const [refused, setRefused] = useState(/** @type {ApiError | null} */ (null));
  const [busy, setBusy] = useState(false);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const parsed = mode === 'form' ? { body: bodyOf(fields, base ?? {}), mistake: null } : parse(json);
  const preview = usePreview(parsed.body);
  // Problems appear as soon as the preview reports them, but not those of untouched fields.
  const problems = byField(preview.problems);

  const change = (/** @type {string} */ pointer, /** @type {string} */ value) => {
    setRefused(null);
    setFields((all) => ({ ...all, [pointer]: value }));
  };
  const switchTo = (/** @type {string} */ next) => {
    if (next === 'json') setJson(JSON.stringify(bodyOf(fields, base ?? {}), null, 2));
    else if (parsed.body) setFields(fieldsOf(id === null ? parsed.body : { ...parsed.body, id }));
    setMode(next);
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!parsed.body || busy) return;
    setBusy(true);
    try {
      const { body } = id === null
        ? await call('POST', '/schedules', { body: parsed.body })
        : await call('PUT', `/schedules/${encodeURIComponent(id)}`, {
          body: parsed.body,
          headers: etag ? { 'If-Match': etag } : {},
        });
      toast(id === null ? 'The schedule is in force.' : 'The change is in force.');
      go(href(['schedules', body.id]));
    } catch (error) {
      setRefused(/** @type {ApiError} */ (error));
      setBusy(false);
      requestAnimationFrame(() =>
        /** @type {HTMLElement | null} */ (form.current?.querySelector('[aria-invalid=true]') ??
          form.current?.querySelector('.failure'))?.focus()
      );
    }
  };
  const shown = refused ? byField([...refused.problems, ...preview.problems]) : problems;
  const unplaced = [...new Set(shown.get('') ?? [])];
  return jsx`
    <${Heading} title=${id === null ? 'New schedule' : `Edit ${base?.name ?? id}`}>
      <${Segments} label="Write as" options=${[['form', 'Form'], [
    'json',
    'JSON',
  ]]} value=${mode} onChange=${switchTo} />
      </${Heading}>
      <form ref=${form} class="editor" onSubmit=${submit} noValidate>
        <div class="editor-fields">
        ${
    refused &&
    jsx`<${Failure} error=${
      refused.status === 412
        ? new Error(
          'Somebody else has changed this schedule meanwhile. Open it again to see how; your changes are not saved.',
        )
        : refused
    } />`
  }
        ${
    unplaced.length > 0 && jsx`
          <div class="failure" role="alert">
            <${Icon} name="alert" />
            <ul class="plain">${unplaced.map((detail) => jsx`<li key=${detail}>${detail}</li>`)}</ul>
          </div>
        `
  }
        ${
    mode === 'form'
      ? jsx`<${FormFields} fields=${fields} problems=${shown} isNew=${id === null} onChange=${change} />`
      : jsx`
            <label
              class="field"><span>Schedule, as JSON</span><textarea class="mono" rows="24" spellcheck=${false} value=${json} aria-invalid=${
        parsed
          .mistake !== null
      }
                          onInput=${(/** @type {any} */ event) => setJson(event.target.value)} /></label>
                        ${parsed.mistake && jsx`<p class="field-problem" role="alert">${parsed.mistake}</p>`}
                        ${
        [...shown].filter(([pointer]) => pointer !== '').flatMap(([, details]) => details)
          .map((detail) => jsx`<p key=${detail} class="field-problem">${detail}</p>`)
      }
          `
  }
        <div class="form-actions"><button class="primary" disabled=${busy || !parsed.body}>${
    id === null ? 'Create schedule' : 'Save'
  }</button>
          <a class="button" href=${id === null ? '#/schedules' : href(['schedules', id])}>Cancel</a></div>
      </div>
        <aside class="panel preview" aria-labelledby="preview">
          <h2 id="preview">It will fire</h2>
          <${Preview} preview=${preview} paused=${parsed.body?.paused === true} />
        </aside>
      </form>
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
