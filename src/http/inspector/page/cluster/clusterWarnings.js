/** Warnings about the cluster's configuration, and about the clock that it uses. */
import { duration } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { Icon, Moment } from '../shared/parts.js';

/** @import { Cluster, Replica } from '../types.d.ts' */

/** @param {{ clock: Cluster['clock'] }} props */
export function ClockBehind({ clock }) {
  if (!clock || clock.behind_ms <= 0) return null;
  const { set_back, behind_ms } = clock;
  return jsx`
    <section class="headline warn" aria-label="Clock">
      <span class="headline-icon"><${Icon} name="clock" /></span>
      <div>
        <p class="headline-main">The database’s clock is <strong>${
    duration(behind_ms)
  }</strong> behind its latest time</p>
        ${
    set_back && jsx`
          <p class="headline-why">It was set back from <${Moment} at=${set_back.from} bare=${true} /> to <${Moment}
              at=${set_back.to} bare=${true} />.</p>
        `
  }
        <p class="headline-why">Occurrences until then are claimed already, and what was claimed does not run again: existing schedules wait
          until the clock has caught up. A new schedule, or one whose timing is changed, fires by the present clock.</p>
      </div>
    </section>
  `;
}

/** @param {{ warnings: string[] }} props of all replicas */
export function Warnings({ warnings }) {
  if (warnings.length === 0) return null;
  return jsx`
    <section class="panel" aria-labelledby="warnings">
      <h2 id="warnings">Warnings</h2>
      <${WarningList} warnings=${warnings} />
    </section>
  `;
}

/** @param {{ warnings: string[] }} props */
export function WarningList({ warnings }) {
  return jsx`<ul class="plain warnings">${
    warnings.map((warning) =>
      jsx`<li key=${warning} class="bad-text"><${Icon} name="alert" /><span class="wrap">${warning}</span></li>`
    )
  }</ul>`;
}

/**
 * Whether the live replicas have the same lease timing. Versions that don't report it are ignored.
 * @param {readonly Replica[]} replicas
 */
export function haveSameTiming(replicas) {
  const reported = replicas.filter(({ lost_at, lease_timing }) => !lost_at && lease_timing);
  return new Set(reported.map(({ lease_timing }) => timingText(lease_timing))).size < 2;
}

/** @param {Replica['lease_timing']} timing */
export function timingText(timing) {
  if (!timing) return 'not reported';
  const { duration_ms, retry_ms, margin_ms } = timing;
  return `${duration(duration_ms)}, retry ${duration(retry_ms)}, margin ${duration(margin_ms)}`;
}
