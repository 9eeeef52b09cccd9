/** Runs of the last hour that failed, timed out, were missed or abandoned. */
import { useState } from 'preact/hooks';
import { url, useGet } from '../shared/api.js';
import { serverNowMs } from '../shared/clock.js';
import { jsx } from '../shared/jsx.js';
import { Icon } from '../shared/parts.js';
import { href } from '../shared/router.js';
import { RunList } from '../runs/runList.js';
import { useTopics } from '../shared/state.js';
import { FAILURES } from '../shared/words.js';

/** @import { Run } from '../types.d.ts' */

const WITHIN_MS = 3_600_000;

/** Newest first; null until they have been read. */
export function useRecentFailures() {
  const { runs } = useTopics('runs');
  const [from] = useState(() => new Date(serverNowMs() - WITHIN_MS).toISOString());
  const { data } = useGet(url('/runs', { state: FAILURES.join(','), from, limit: 100 }));
  if (data === null) return null;
  const byId = new Map(
    [...data, ...runs.filter(({ state }) => FAILURES.includes(state))].map((run) => [run.id, run]),
  );
  return /** @type {Run[]} */ ([...byId.values()]).filter((run) =>
    Date.parse(run.scheduled_for) > serverNowMs() - WITHIN_MS
  )
    .toSorted((a, b) => a.scheduled_for < b.scheduled_for ? 1 : -1);
}

export function RecentFailures() {
  const failures = useRecentFailures();
  return jsx`<section class="panel" aria-labelledby="failures">
    <div class="panel-head"><h2 id="failures">Failures, last hour</h2>
      <a href=${href(['runs'], { state: FAILURES.join(',') })}>All failures</a></div>
    ${
    failures?.length ? jsx`<${RunList} runs=${failures.slice(0, 8)} withSchedule=${true} />` : failures &&
      jsx`<p class="calm"><${Icon} name="check" />No run failed, timed out, was missed or abandoned.</p>`
  }
  </section>`;
}
