/** The preview of the schedule in the form: its next fire times, and the server's validation. */
import { useEffect, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { jsx } from '../shared/jsx.js';
import { OccurrenceList } from '../schedules/upcoming.js';

/** @import { FieldProblem, Occurrence } from '../types.d.ts' */

const TYPING_MS = 300;
const PREVIEW = 8;

/**
 * The server's answer to a body, debounced after the last key.
 * @param {any} body
 * @returns {{ occurrences: Occurrence[] | null, problems: FieldProblem[], error: string | null, stale: boolean }}
 */
export function usePreview(body) {
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
export function Preview({ preview, paused }) {
  const { occurrences, problems, error, stale } = preview;
  if (error) return jsx`<p class="bad-text">${error}</p>`;
  if (problems.length > 0) {
    return jsx`<p class="dim" role="status">${
      problems.length === 1 ? 'One field needs' : `${problems.length} fields need`
    } a correction first.</p>`;
  }
  if (!occurrences) return jsx`<div class="skeleton" aria-busy="true" />`;
  return jsx`<div class=${stale ? 'stale' : ''} aria-live="polite">
    ${paused && jsx`<p class="note warn">Paused: it does not fire until it is resumed.</p>`}
    <${OccurrenceList} occurrences=${occurrences} none="None: it has no future occurrence." />
    ${occurrences.length === PREVIEW && jsx`<p class="dim">and more.</p>`}</div>`;
}
