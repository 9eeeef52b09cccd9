/** The cluster's health in four figures. */
import { url, useGet } from '../shared/api.js';
import { useNow } from '../shared/clock.js';
import { duration, number } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { percentile } from '../lateness/lateness.js';
import { Icon } from '../shared/parts.js';
import { href } from '../shared/router.js';
import { useTopics } from '../shared/state.js';
import { useRecentFailures } from './failures.js';
import { FAILURES } from '../shared/words.js';

/** @import { Cluster, Run } from '../types.d.ts' */

/** Runs read at first; events add the others. */
const SEED = 200;

/** @param {{ cluster: Cluster }} props */
export function Tiles({ cluster }) {
  const { runs, live } = useTopics('runs', 'live');
  const seed = useGet(url('/runs', { limit: SEED })).data ?? /** @type {Run[]} */ ([]);
  const nowMs = useNow((ms) => Math.floor(ms / 5000) * 5000);
  const recent = recentRuns([...seed, ...runs], nowMs - 5 * 60_000);
  const late = recent.filter(({ started_at }) => started_at).map(({ lateness_ms }) => lateness_ms).toSorted((
    a,
    b,
  ) => a - b);
  const failures = useRecentFailures();
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
      state: FAILURES.join(','),
    })
  } label="Failures, last hour" value=${
    failures === null ? '…' : failures.length >= 100 ? '100+' : String(failures.length)
  }
        note=${failures?.length ? 'failed, timed out, missed or abandoned' : 'none failed or missed'} bad=${
    (failures?.length ?? 0) > 0
  } />
      <${Claimed} cluster=${cluster} />
    </section>
  `;
}

/** @param {{ cluster: Cluster }} props */
function Claimed({ cluster }) {
  const behindMs = Date.parse(cluster.now) - Date.parse(cluster.watermark);
  const isBehind = cluster.leader === null || behindMs > 5000;
  // The case after the database's clock was set back.
  const isAhead = behindMs < -5000;
  const [value, note] = isAhead
    ? [`+${duration(-behindMs)}`, 'ahead of now: occurrences due until then are claimed']
    : isBehind
    ? [`${duration(Math.max(0, behindMs))} ago`, 'occurrences due since then are waiting']
    : ['now', 'no due occurrence is waiting'];
  return jsx`<${Tile} label="Claimed up to" value=${value} note=${note} bad=${isBehind} />`;
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
