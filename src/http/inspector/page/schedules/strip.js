/**
 * The last runs of a schedule, as a strip of marks: oldest at the left; shape and height show the
 * state too.
 */
import { duration } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { href } from '../shared/router.js';
import { isUnderstood, NOT_UNDERSTOOD, RUN_STATES, UNKNOWN } from '../shared/words.js';

/** @import { NotUnderstood, RecentRun } from '../types.d.ts' */

/** @param {{ runs: readonly (RecentRun | NotUnderstood)[], places?: number }} props newest first */
export function Strip({ runs, places = 12 }) {
  const visible = runs.slice(0, places).toReversed();
  if (visible.length === 0) return jsx`<span class="dim">no run yet</span>`;
  const bad = visible.filter((run) => isUnderstood(run) && ['bad', 'warn'].includes(lookOf(run).tone)).length;
  const label = `Last ${visible.length} runs: ${bad === 0 ? 'none failed' : `${bad} failed or missed`}`;
  return jsx`<span class="strip" role="group" aria-label=${label}>${
    visible.map((run) => {
      const look = lookOf(run);
      return jsx`
        <a key=${run.id} tabIndex=${-1} class=${`strip-mark ${look.tone} ${
        isUnderstood(run) ? run.state : ''
      }`} href=${
        href([
          'runs',
          run.id,
        ])
      } aria-label=${look.label}
          data-tip=${`${look.label}\n${tipOf(run)}`} />
      `;
    })
  }</span>`;
}

/** @param {RecentRun | NotUnderstood} run */
function lookOf(run) {
  return isUnderstood(run) ? RUN_STATES[run.state] ?? UNKNOWN : NOT_UNDERSTOOD;
}

/** @param {RecentRun | NotUnderstood} run */
function tipOf(run) {
  if (!isUnderstood(run)) return `by this version: ${run.not_understood}`;
  return `${run.scheduled_for.replace('T', ' ')}\n${duration(run.lateness_ms)} late`;
}
