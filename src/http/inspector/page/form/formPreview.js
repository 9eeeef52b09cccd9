/** The preview of the schedule in the form: its next fire times, and the server's validation. */
import { usePosted } from '../shared/api.js';
import { jsx } from '../shared/jsx.js';
import { OccurrenceList } from '../schedules/upcoming.js';

/** @import { FieldProblem, Occurrence } from '../types.d.ts' */

const PREVIEW = 8;

/**
 * @param {any} body
 * @returns {{ occurrences: Occurrence[] | null, problems: FieldProblem[], error: string | null, stale: boolean }}
 */
export function usePreview(body) {
  const { data, error, stale } = usePosted('/schedules/preview', body && { ...body, count: PREVIEW });
  const { problems = [], message = null, status = 0 } = error ?? {};
  return { occurrences: data?.occurrences ?? null, problems, error: status === 422 ? null : message, stale };
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
