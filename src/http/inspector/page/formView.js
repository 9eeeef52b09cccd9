/** Making a schedule, and changing one: what it will do is shown as one types, and what is wrong at its field. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { call, useGet } from './api.js';
import { blank, bodyOf, byField, fieldsOf } from './form.js';
import { FormFields } from './formFields.js';
import { jsx } from './jsx.js';
import { Failure, Heading, Icon, Segments } from './parts.js';
import { go, href } from './router.js';
import { OccurrenceList } from './scheduleView.js';
import { toast } from './toasts.js';

/** @import { ApiError } from './api.js' */
/** @import { FieldProblem, Occurrence, Schedule } from './types.d.ts' */

const TYPING_MS = 300;
const PREVIEW = 8;

/** @param {{ id: string | null }} props null for a new one */
export function FormView({ id }) {
  const { data, headers, error, reload } = useGet(
    id === null ? null : `/schedules/${encodeURIComponent(id)}`,
  );
  // What is being edited is what was read first: a change by somebody else meanwhile is told by the server.
  const first = useRef(/** @type {{ body: any, etag: string | null } | null} */ (null));
  if (data && !first.current) first.current = { body: data, etag: headers?.get('etag') ?? null };
  if (id !== null && !first.current) {
    return jsx`<${Heading} title="Edit schedule" /><${Failure} error=${error} retry=${reload} />${
      !error && jsx`<div class="skeleton tall" aria-busy="true" />`
    }`;
  }
  const reason = first.current?.body.not_understood;
  if (reason !== undefined) {
    return jsx`<${Heading} title="Edit schedule" />
      <p class="note warn not-understood">Not understood by this version, and not to be edited here: ${reason}.</p>`;
  }
  return jsx`<${Form} id=${id} base=${first.current?.body ?? null} etag=${first.current?.etag ?? null} />`;
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
  // Problems are shown as soon as the preview tells them, but not those of fields that nobody has come to yet.
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

/**
 * What the server says to a body, a moment after the last key.
 * @param {any} body
 * @returns {{ occurrences: Occurrence[] | null, problems: FieldProblem[], error: string | null, stale: boolean }}
 */
function usePreview(body) {
  const [answer, setAnswer] = useState({
    occurrences: /** @type {Occurrence[] | null} */ (null),
    problems: /** @type {FieldProblem[]} */ ([]),
    error: /** @type {string | null} */ (null),
    of: '',
  });
  const text = JSON.stringify(body);
  useEffect(() => {
    if (body === null) return;
    const controller = new AbortController();
    const { signal } = controller;
    const timer = setTimeout(
      () =>
        call('POST', '/schedules/preview', { body: { ...body, count: PREVIEW }, signal }).then(
          ({ body: { occurrences } }) => setAnswer({ occurrences, problems: [], error: null, of: text }),
          (error) => {
            if (signal.aborted) return;
            const { problems = [], message, status } = error;
            setAnswer((last) => ({ ...last, problems, error: status === 422 ? null : message, of: text }));
          },
        ),
      TYPING_MS,
    );
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text]);
  return { ...answer, stale: answer.of !== text };
}

/** @param {{ preview: ReturnType<typeof usePreview>, paused: boolean }} props */
function Preview({ preview, paused }) {
  const { occurrences, problems, error, stale } = preview;
  if (error) return jsx`<p class="bad-text">${error}</p>`;
  if (problems.length > 0) {
    return jsx`<p class="dim" role="status">${
      problems.length === 1 ? 'One field needs' : `${problems.length} fields need`
    } a correction first.</p>`;
  }
  if (!occurrences) return jsx`<div class="skeleton" aria-busy="true" />`;
  return jsx`<div class=${stale ? 'stale' : ''} aria-live="polite">
    ${paused && jsx`<p class="note warn">Paused: none of these would fire until it is resumed.</p>`}
    <${OccurrenceList} occurrences=${occurrences} none="Never: there is no occurrence after now." />
    ${occurrences.length === PREVIEW && jsx`<p class="dim">and so on.</p>`}</div>`;
}
