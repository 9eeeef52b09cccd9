/** One replica: its role in the election, and its latest transitions. */
import { Chart, eventLabel, useChart, usePlayed } from '../shared/chart.js';
import { timingText, WarningList } from './clusterWarnings.js';
import { jsx } from '../shared/jsx.js';
import { Badge, Facts, Icon, Moment, Time } from '../shared/parts.js';
import { ROLES, UNKNOWN } from '../shared/words.js';
import { short } from '../shared/format.js';

/** @import { Chart as Layout, Replica } from '../types.d.ts' */

/**
 * @param {{ replica: Replica, leads: boolean, withTiming: boolean }} props `withTiming`: the replicas' differ
 */
export function ReplicaCard({ replica, leads, withTiming }) {
  const { id, boot, role, address, version, started_at, last_seen, lost_at, places, transitions = [] } =
    replica;
  const warnings = lost_at ? [] : replica.warnings ?? [];
  const layout = useChart('electionRoles');
  const resting = role === 'draining' ? 'stopped' : role;
  const { active, hot } = usePlayed(transitions, resting);
  const look = lost_at ? ROLES.lost : ROLES[role];
  return jsx`
    <article class=${`card replica ${leads ? 'leads' : ''} ${
    lost_at ? 'lost' : ''
  }`} aria-label=${`Replica ${id}`}>
      <header>
        <h3>${id}</h3>
        <${Badge} look=${look ?? { ...UNKNOWN, label: role }} />
      </header>
      <div class="replica-body">
          ${
    layout
      ? jsx`
              <${Chart} layout=${layout} active=${lost_at ? null : active} hot=${hot} tone=${look?.tone}
                label=${`Election machine of ${id}: ${lost_at ? `lost, last ${active}` : active}`} />
            `
      : jsx`<div class="chart-space" />`
  }
          <div class="replica-facts">
            <${Facts} facts=${[
    [lost_at ? 'Lost' : 'Heartbeat', jsx`<${Time} at=${lost_at ?? last_seen} />`],
    ['Started', jsx`<${Time} at=${started_at} />`],
    ['Address', jsx`<span class="mono wrap">${address.replace(/^https?:\/\//, '')}</span>`],
    ['Boot', jsx`<span class="mono" data-tip=${boot}>${short(boot)}</span>`],
    ['Version', version],
    ['Places', !lost_at && places ? `${places.used} of ${places.max} in use` : null],
    ['Lease', withTiming ? timingText(replica.lease_timing) : null],
  ]} />
          </div>
        </div>
      ${warnings.length > 0 && jsx`<${WarningList} warnings=${warnings} />`}
      <${Changes} transitions=${transitions} layout=${layout} />
    </article>
  `;
}

/** @param {{ transitions: Replica['transitions'], layout: Layout | null }} props */
function Changes({ transitions, layout }) {
  const last = transitions.at(-1);
  if (!last) return jsx`<p class="last-change dim">No change of role yet.</p>`;
  const rows = transitions.toReversed().slice(0, 10);
  return jsx`<details class="last-change"><summary><${Icon} name="right" />
      <span>${last.from} → <strong>${last.to}</strong></span> <span class="dim"><${Time} at=${last.at} /></span></summary>
    <ol class="changes">${
    rows.map((each) =>
      jsx`<li key=${`${each.at}${each.to}`}>
      <span>${each.from} → ${each.to}</span><span class="dim">${layout && eventLabel(layout, each)}</span>
      <${Moment} at=${each.at} bare=${true} /></li>`
    )
  }</ol></details>`;
}
