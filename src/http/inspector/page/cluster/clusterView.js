/** The view for an operator at 3 a.m.: the leader, its term and why it leads; what is late or failing. */
import { useEffect, useState } from 'preact/hooks';
import { StepDownDialog } from '../shared/actions.js';
import { serverNowMs, useNow } from '../shared/clock.js';
import { Tiles } from './clusterTiles.js';
import { ClockBehind, haveSameTiming, Warnings } from './clusterWarnings.js';
import { duration } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { refreshCluster } from '../shared/live.js';
import { Empty, Heading, Icon, Time } from '../shared/parts.js';
import { ReplicaCard } from './replicaCard.js';
import { href } from '../shared/router.js';
import { useTopics } from '../shared/state.js';
import { TimelineChart } from '../timeline/timelineChart.js';
import { RecentFailures } from './failures.js';
import { ENDINGS } from '../shared/words.js';

/** @import { Cluster, Term } from '../types.d.ts' */

const REFRESH_MS = 5000;
/** Largest error of the page's estimate of the server's time. */
const SET_BACK_MS = 5000;
const MINI_TIMELINE_MS = 15 * 60_000;

export function ClusterView() {
  const { cluster, terms } = useTopics('cluster', 'terms');
  const [isAsking, setAsking] = useState(false);
  useEffect(() => {
    const timer = setInterval(refreshCluster, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  if (!cluster) {
    return jsx`
      <${Heading} title="Cluster" />
      <div class="skeleton tall" aria-busy="true" />
    `;
  }
  const { leader, replicas, term } = cluster;
  const others = replicas.filter(({ id, lost_at }) => id !== leader && !lost_at).length;
  const sameTiming = haveSameTiming(replicas);
  return jsx`
    <${Heading} title="Cluster">
      ${leader && jsx`<button type="button" onClick=${() => setAsking(true)}>Step down …</button>`}
    </${Heading}>
    <${Headline} cluster=${cluster} terms=${terms} />
    <${ClockBehind} clock=${cluster.clock} />
    <${Warnings} warnings=${cluster.warnings ?? []} />
    <${Tiles} cluster=${cluster} />
    <section class="panel" aria-labelledby="recent-terms">
      <div class="panel-head"><h2 id="recent-terms">Leadership, last 15 min</h2><a href="#/timeline">Open the timeline</a></div>
      <${RecentTerms} />
    </section>
    <h2 class="section">Replicas</h2>
    ${
    replicas.length === 0
      ? jsx`
        <${Empty} title="There are no replicas.">
          <p>Start one: <code>npm start</code> runs three.</p>
          </${Empty}>
      `
      : jsx`<div class="cards">${
        replicas.map((replica) =>
          jsx`<${ReplicaCard} key=${replica.boot} replica=${replica} leads=${replica.id === leader}
          withTiming=${!sameTiming} />`
        )
      }</div>`
  }
    <${RecentFailures} />
    ${
    isAsking && leader &&
    jsx`<${StepDownDialog} leader=${leader} term=${term} others=${others} onClose=${() =>
      setAsking(false)} />`
  }
  `;
}

/** @param {{ cluster: Cluster, terms: Term[] }} props */
function Headline({ cluster, terms }) {
  const [now, before] = terms;
  const lost = cluster.replicas.filter(({ lost_at }) => lost_at).map(({ id }) => id);
  if (cluster.leader === null) return jsx`<${Leaderless} last=${now} />`;
  const current = now?.replica === cluster.leader && !now.ended_at ? now : null;
  return jsx`
    <section class="headline ok" aria-label="Leadership">
      <span class="headline-icon"><${Icon} name="star" /></span>
      <div><p class="headline-main"><strong>${cluster.leader}</strong> leads
          <span class="pill-text">term ${cluster.term}</span></p>
          ${
    current && jsx`
            <p class="headline-why">
              <${LeaderReason} term=${current} before=${before} />
            </p>
          `
  }
          ${
    lost.length > 0 &&
    jsx`<p class="headline-why bad-text"><${Icon} name="alert" />Lost: ${lost.join(', ')}</p>`
  }
        </div>
    </section>
  `;
}

/** @param {{ last: Term | undefined }} props */
function Leaderless({ last }) {
  return jsx`
    <section class="headline bad" aria-label="Leadership" role="alert">
      <span class="headline-icon"><${Icon} name="alert" /></span>
      <div>
        <p class="headline-main"><strong>No leader</strong></p>
        <p class="headline-why">${
    last
      ? jsx`
            ${last.replica} led until ${
        last.ended_at ? jsx`<${Time} at=${last.ended_at} />` : 'a moment ago'
      }${last.ended_by ? `: ${ENDINGS[last.ended_by]?.text ?? last.ended_by}` : ''}.
          `
      : ''
  }The next leader catches up on what falls due meanwhile.</p>
      </div>
    </section>
  `;
}

/** Since when this replica leads, and why. @param {{ term: Term, before: Term | undefined }} props */
function LeaderReason({ term, before }) {
  const { began_at, gap_ms } = term;
  const gap = gap_ms
    ? jsx`<a href=${href(['timeline'], { term: term.term })}>${duration(gap_ms)} without a leader</a>`
    : 'without a gap';
  // By a clock that was set back since then, the term begins in the future.
  const ago = Date.parse(began_at) > serverNowMs() + SET_BACK_MS
    ? 'before the clock was set back'
    : jsx`<${Time} at=${began_at} />`;
  return jsx`since <${Time} at=${began_at} clock="short" />, ${ago}. ${why(term, before)}${
    gap_ms !== null && jsx`: ${gap}`
  }.`;
}

/** @param {Term} term @param {Term | undefined} before */
function why({ replica, began_by }, before) {
  if (!before) return 'It is the first leader';
  if (before.replica === replica) return 'It also led the previous term, and acquired the lease again';
  if (began_by === 'pre-empted') return `It took over from ${before.replica}, whose process had died`;
  return `It acquired the lease when ${before.replica} ${
    HANDED_OVER[before.ended_by ?? ''] ?? 'no longer held it'
  }`;
}

/** The previous leader's action, by the ending of its term. @type {Record<string, string>} */
const HANDED_OVER = {
  released: 'stopped and released it',
  'stepped down': 'stepped down',
  expired: 'had not renewed it in time',
};

function RecentTerms() {
  const nowMs = useNow((ms) => Math.floor(ms / 1000) * 1000);
  return jsx`
    <${TimelineChart} from=${nowMs - MINI_TIMELINE_MS} to=${nowMs + MINI_TIMELINE_MS / 50} selected=${null}
      onSelect=${(/** @type {Term} */ term) => (location.hash = href(['timeline'], { term: term.term }))} />
  `;
}
