/** The last runs of a schedule, as a strip of marks: oldest at the left, shape and height say the state too. */
import { duration } from './format.js';
import { jsx } from './jsx.js';
import { href } from './router.js';
import { RUN_STATES, UNKNOWN } from './words.js';

/** @import { RecentRun } from './types.d.ts' */

/** @param {{ runs: readonly RecentRun[], places?: number }} props newest first */
export function Strip({ runs, places = 12 }) {
  const shown = runs.slice(0, places).toReversed();
  if (shown.length === 0) return jsx`<span class="dim">no run yet</span>`;
  const bad =
    shown.filter(({ state }) => ['bad', 'warn'].includes((RUN_STATES[state] ?? UNKNOWN).tone)).length;
  const label = `Last ${shown.length} runs: ${bad === 0 ? 'none failed' : `${bad} failed or missed`}`;
  return jsx`<span class="strip" role="group" aria-label=${label}>${
    shown.map(({ id, state, scheduled_for, lateness_ms }) => {
      const look = RUN_STATES[state] ?? UNKNOWN;
      return jsx`
        <a key=${id} tabIndex=${-1} class=${`strip-mark ${look.tone} ${state}`} href=${
        href([
          'runs',
          id,
        ])
      } aria-label=${look.label}
          data-tip=${`${look.label}\n${scheduled_for.replace('T', ' ')}\n${duration(lateness_ms)} late`} />
      `;
    })
  }</span>`;
}
