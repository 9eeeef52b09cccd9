/** The first thing to see at 3 a.m.: is there a leader, who, since when, why, and is anything late or failing. */
import { useEffect, useState } from 'preact/hooks';
import { StepDownDialog } from './actions.js';
import { url, useGet } from './api.js';
import { serverNowMs, useNow } from './clock.js';
import { duration, number } from './format.js';
import { jsx } from './jsx.js';
import { percentile } from './lateness.js';
import { refreshCluster } from './live.js';
import { Empty, Heading, Icon, Time } from './parts.js';
import { ReplicaCard } from './replicaCard.js';
import { href } from './router.js';
import { RunList } from './runList.js';
import { useTopics } from './state.js';
import { TimelineChart } from './timelineChart.js';
import { ENDINGS, TROUBLE } from './words.js';

/** @import { Cluster, Run, Term } from './types.d.ts' */

const REFRESH_MS = 5000;
/** Runs that are read at first; the others are told by events. */
const SEED = 200;
const MINI_TIMELINE_MS = 15 * 60_000;
const TROUBLE_WITHIN_MS = 3_600_000;

export function ClusterView() {
  const { cluster, terms } = useTopics('cluster', 'terms');
  const [asks, setAsks] = useState(false);
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
  return jsx`
    <${Heading} title="Cluster">
      ${leader && jsx`<button type="button" onClick=${() => setAsks(true)}>Step down …</button>`}
    </${Heading}>
    <${Headline} cluster=${cluster} terms=${terms} />
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
        <${Empty} title="No replica is announced.">
          <p>Start one: <code>npm start</code> runs three.</p>
          </${Empty}>
      `
      : jsx`<div class="cards">${
        replicas.map((replica) =>
          jsx`<${ReplicaCard} key=${replica.boot} replica=${replica} leads=${replica.id === leader} />`
        )
      }</div>`
  }
    <${RecentTrouble} />
    ${
    asks && leader &&
    jsx`<${StepDownDialog} leader=${leader} term=${term} others=${others} onClose=${() => setAsks(false)} />`
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
              <${Story} term=${current} before=${before} />
            </p>
          `
  }
          ${
    lost.length > 0 &&
    jsx`<p class="headline-why bad-text"><${Icon} name="alert" />Not heard any more: ${lost.join(', ')}</p>`
  }
        </div>
    </section>
  `;
}

/** What is wrong with how the replicas are set up. @param {{ warnings: string[] }} props */
function Warnings({ warnings }) {
  if (warnings.length === 0) return null;
  return jsx`
    <section class="panel" aria-labelledby="warnings">
      <h2 id="warnings">Warnings</h2>
      <ul class="plain">${
    warnings.map((warning) =>
      jsx`<li key=${warning} class="bad-text"><${Icon} name="alert" /><span class="wrap">${warning}</span></li>`
    )
  }</ul>
    </section>
  `;
}

/** @param {{ last: Term | undefined }} props */
function Leaderless({ last }) {
  return jsx`
    <section class="headline bad" aria-label="Leadership" role="alert">
      <span class="headline-icon"><${Icon} name="alert" /></span>
      <div>
        <p class="headline-main"><strong>Nobody leads</strong></p>
        <p class="headline-why">${
    last
      ? jsx`
            ${last.replica} led until ${
        last.ended_at ? jsx`<${Time} at=${last.ended_at} />` : 'a moment ago'
      }${last.ended_by ? `: ${ENDINGS[last.ended_by]?.text ?? last.ended_by}` : ''}.
          `
      : ''
  }What falls due meanwhile is caught up on by the next leader.</p>
      </div>
    </section>
  `;
}

/** Since when this replica leads, and why. @param {{ term: Term, before: Term | undefined }} props */
function Story({ term, before }) {
  const { began_at, gap_ms } = term;
  const gap = gap_ms
    ? jsx`<a href=${href(['timeline'], { term: term.term })}>${duration(gap_ms)} without a leader</a>`
    : 'without a gap';
  return jsx`since <${Time} at=${began_at} clock="short" />, <${Time} at=${began_at} />. ${
    why(term, before)
  }${gap_ms !== null && jsx`: ${gap}`}.`;
}

/** @param {Term} term @param {Term | undefined} before */
function why({ replica, began_by }, before) {
  if (!before) return 'It was the first to lead';
  if (before.replica === replica) return 'It led before as well, and took the lease again';
  if (began_by === 'pre-empted') return `It took over from ${before.replica}, whose process had died`;
  return `It took the lease when ${before.replica} ${
    HANDED_OVER[before.ended_by ?? ''] ?? 'did not hold it any more'
  }`;
}

/** What the leader before did, by how its term ended. @type {Record<string, string>} */
const HANDED_OVER = {
  released: 'stopped and gave it back',
  'stepped down': 'stepped down',
  expired: 'had not renewed it in time',
};

/** @param {{ cluster: Cluster }} props */
function Tiles({ cluster }) {
  const { runs, live } = useTopics('runs', 'live');
  const seed = useGet(url('/runs', { limit: SEED })).data ?? /** @type {Run[]} */ ([]);
  const nowMs = useNow((ms) => Math.floor(ms / 5000) * 5000);
  const recent = recentRuns([...seed, ...runs], nowMs - 5 * 60_000);
  const late = recent.filter(({ started_at }) => started_at).map(({ lateness_ms }) => lateness_ms).toSorted((
    a,
    b,
  ) => a - b);
  const trouble = useTrouble();
  const behindMs = Date.parse(cluster.now) - Date.parse(cluster.watermark);
  const isBehind = cluster.leader === null || behindMs > 5000;
  return jsx`
    <section class="tiles" aria-label="Health">
      <${Tile} href="#/lateness" label="Lateness, p99 of 5 min" value=${
    late.length ? duration(percentile(late, 0.99)) : '–'
  }
        note=${
    late.length
      ? `median ${duration(percentile(late, 0.5))}, worst ${duration(late.at(-1) ?? 0)}`
      : 'no run started'
  }
        bad=${late.length > 0 && percentile(late, 0.99) > 1000} />
      <${Tile} href="#/runs" label="Runs, last 5 min" value=${
    seed.length === SEED &&
      live.sinceMs > nowMs - 5 * 60_000 && recent.length >= SEED
      ? `${number(recent.length)}+`
      : number(recent.length)
  }
        note=${`${recent.filter(({ state }) => state === 'succeeded').length} succeeded`} />
      <${Tile} href=${
    href(['runs'], {
      state: TROUBLE.join(','),
    })
  } label="Trouble, last hour" value=${
    trouble === null ? '…' : trouble.length >= 100 ? '100+' : String(trouble.length)
  }
        note=${
    trouble?.length ? 'failed, timed out, missed or abandoned' : 'nothing failed or was missed'
  } bad=${(trouble?.length ?? 0) > 0} />
      <${Tile} label="Claimed up to" value=${isBehind ? `${duration(Math.max(0, behindMs))} ago` : 'now'}
        note=${isBehind ? 'what is due since then waits' : 'nothing that is due waits'} bad=${isBehind} />
    </section>
  `;
}

/** @param {Run[]} runs @param {number} fromMs */
function recentRuns(runs, fromMs) {
  const byId = new Map(
    runs.filter((run) => Date.parse(run.scheduled_for) >= fromMs).map((run) => [run.id, run]),
  );
  return [...byId.values()];
}

/** @param {{ label: string, value: string, note: string, bad?: boolean, href?: string }} props */
function Tile({ label, value, note, bad, href: link }) {
  const body = jsx`<span class="tile-label">${label}</span>
    <span class="tile-value num">${
    bad && jsx`<${Icon} name="alert" />`
  }${value}</span><span class="tile-note">${note}</span>`;
  return link
    ? jsx`<a class=${`tile ${bad ? 'bad' : ''}`} href=${link}>${body}</a>`
    : jsx`<div class=${`tile ${bad ? 'bad' : ''}`}>${body}</div>`;
}

/** Runs of the last hour that somebody should look at, newest first; null until they have been read. */
function useTrouble() {
  const { runs } = useTopics('runs');
  const [from] = useState(() => new Date(serverNowMs() - TROUBLE_WITHIN_MS).toISOString());
  const { data } = useGet(url('/runs', { state: TROUBLE.join(','), from, limit: 100 }));
  if (data === null) return null;
  const byId = new Map(
    [...data, ...runs.filter(({ state }) => TROUBLE.includes(state))].map((run) => [run.id, run]),
  );
  return /** @type {Run[]} */ ([...byId.values()]).filter((run) =>
    Date.parse(run.scheduled_for) > serverNowMs() - TROUBLE_WITHIN_MS
  )
    .toSorted((a, b) => a.scheduled_for < b.scheduled_for ? 1 : -1);
}

function RecentTrouble() {
  const trouble = useTrouble();
  return jsx`<section class="panel" aria-labelledby="trouble">
    <div class="panel-head"><h2 id="trouble">Trouble, last hour</h2>
      <a href=${href(['runs'], { state: TROUBLE.join(',') })}>All of it</a></div>
    ${
    trouble?.length ? jsx`<${RunList} runs=${trouble.slice(0, 8)} withSchedule=${true} />` : trouble &&
      jsx`<p class="calm"><${Icon} name="check" />No run failed, timed out, was missed or abandoned.</p>`
  }
  </section>`;
}

function RecentTerms() {
  const nowMs = useNow((ms) => Math.floor(ms / 1000) * 1000);
  return jsx`
    <${TimelineChart} from=${nowMs - MINI_TIMELINE_MS} to=${nowMs + MINI_TIMELINE_MS / 50} selected=${null}
      onSelect=${(/** @type {Term} */ term) => (location.hash = href(['timeline'], { term: term.term }))} />
  `;
}
