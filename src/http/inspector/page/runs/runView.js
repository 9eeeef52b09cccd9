/** One run: its outcome, and the duration of each phase. */
import { useGet } from '../shared/api.js';
import { Chart, useChart } from '../shared/chart.js';
import { duration } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { Facts, Failure, Heading, Moment, RunState } from '../shared/parts.js';
import { href } from '../shared/router.js';
import { useEvents } from '../shared/state.js';
import { RUN_STATES, UNKNOWN } from '../shared/words.js';
import { useEffect } from 'preact/hooks';

/** @import { Run } from '../types.d.ts' */

/** Poll interval of an open run: no event comes before its end. */
const REFRESH_MS = 2000;
/** The machine's state, by the recorded state. @type {Record<string, string>} */
const MACHINE_STATES = {
  running: 'attempting',
  retrying: 'attempting',
  timed_out: 'timedOut',
  abandoned: 'lost',
};
const NOT_RUN = ['skipped', 'missed'];

/** @param {{ id: string }} props */
export function RunView({ id }) {
  const { run, error, reload } = useRun(id);
  if (!run) {
    return jsx`<${Heading} title="Run" lead=${jsx`<span class="mono">${id}</span>`} />
      <${Failure} error=${error} retry=${reload} />
      ${
      error?.status === 404 &&
      jsx`<p class="dim">Runs are deleted when the retention of their schedule is over.</p>`
    }
      ${!error && jsx`<div class="skeleton tall" aria-busy="true" />`}`;
  }
  return jsx`
    <${Heading} title="Run" lead=${jsx`<a href=${
    href(['schedules', run.schedule_id])
  } class="mono">${run.schedule_id}</a>`}><${RunState} state=${run.state} /></${Heading}>
    <div class="columns">
      <section class="panel" aria-labelledby="facts"><h2 id="facts">Details</h2><${RunFacts} run=${run} /></section>
      <section class="panel" aria-labelledby="course"><h2 id="course">Phases</h2>
        <${Course} run=${run} />
        <${RunChart} run=${run} /></section>
    </div>
    ${run.error && jsx`<${TextPanel} id="error" title="Error" text=${run.error} isBad=${true} />`}
    ${run.output && jsx`<${TextPanel} id="output" title="Output" text=${run.output} />`}
  `;
}

/** The run, polled while it is open. @param {string} id */
function useRun(id) {
  const { data, error, reload, set } = useGet(`/runs/${encodeURIComponent(id)}`);
  const run = /** @type {Run | null} */ (data);
  useEvents(['run'], (entries) => {
    const ended = entries.findLast((entry) => entry.data.id === id);
    if (ended) set(() => ended.data);
  });
  const isOpen = run !== null && !run.finished_at && ['claimed', 'running', 'retrying'].includes(run.state);
  useEffect(() => {
    if (!isOpen) return;
    const timer = setInterval(reload, REFRESH_MS);
    return () => clearInterval(timer);
  }, [isOpen]);
  return { run, error, reload };
}

/** @param {{ run: Run }} props */
function RunFacts({ run }) {
  return jsx`<${Facts} facts=${[
    ['Scheduled for', jsx`<${Moment} at=${run.scheduled_for} />`],
    ['Trigger', run.trigger.replace('_', '-')],
    ['Claimed', jsx`<${Moment} at=${run.claimed_at} />`],
    ['Started', run.started_at ? jsx`<${Moment} at=${run.started_at} />` : null],
    ['Finished', run.finished_at ? jsx`<${Moment} at=${run.finished_at} />` : null],
    [
      'Lateness',
      jsx`<span class=${run.lateness_ms > 1000 ? 'warn-text' : ''}>${duration(run.lateness_ms)}</span>`,
    ],
    ['Attempt', run.attempt || null],
    ['Reason', run.reason?.replaceAll('_', ' ') ?? null],
    [
      'Occurrences',
      run.count && run.count > 1 ? jsx`${run.count}, since <${Moment} at=${run.since} />` : null,
    ],
    ['Executor', run.executor],
    ['Claimed in', jsx`<a href=${href(['timeline'], { term: run.term })}>term ${run.term}</a>`],
    ['Id', jsx`<span class="mono wrap">${run.id}</span>`],
  ]} />`;
}

/** @param {{ run: Run }} props */
function RunChart({ run }) {
  const layout = useChart('run');
  if (NOT_RUN.includes(run.state)) return jsx`<p class="dim">Recorded, but not run.</p>`;
  if (!layout) return null;
  const machineState = MACHINE_STATES[run.state] ?? run.state;
  return jsx`
    <div class="chart-scroll" tabIndex="0" role="group" aria-label="State machine of the run">
      <${Chart} layout=${layout} active=${machineState} tone=${(RUN_STATES[run.state] ?? UNKNOWN).tone}
        label=${`Run machine: ${machineState}`} />
    </div>
  `;
}

/** @param {{ id: string, title: string, text: string, isBad?: boolean }} props */
function TextPanel({ id, title, text, isBad }) {
  return jsx`
    <section class="panel" aria-labelledby=${id}>
      <h2 id=${id}>${title}</h2>
      <pre class=${isBad ? 'bad-text' : ''}>${text}</pre>
    </section>
  `;
}

/** From the nominal time to the end, to scale. @param {{ run: Run }} props */
function Course({ run }) {
  const points = [
    ['scheduled', run.scheduled_for],
    ['claimed', run.claimed_at],
    ['started', run.started_at],
    ['finished', run.finished_at],
  ].flatMap(([name, at]) => at ? [{ name, ms: Date.parse(at) }] : []);
  const first = points[0]?.ms ?? 0;
  const parts = points.slice(1).map(({ name, ms }, i) => ({
    name,
    ms: Math.max(0, ms - (points[i]?.ms ?? ms)),
    what: {
      claimed: 'until the claim',
      started: 'until the start',
      finished: 'execution',
    }[/** @type {'claimed'} */ (name)],
  }));
  const total = Math.max(1, (points.at(-1)?.ms ?? first) - first);
  return jsx`<ol class="course">${
    parts.map(({ name, ms, what }, i) => {
      const before = parts.slice(0, i).reduce((sum, part) => sum + part.ms, 0);
      return jsx`<li key=${name}><span>${what}</span><span class="course-track"><span class=${`course-part ${name}`}
      style=${{
        marginLeft: `${before / total * 100}%`,
        width: `${Math.max(0.5, ms / total * 100)}%`,
      }} /></span><span class="num right">${duration(ms)}</span></li>`;
    })
  }</ol>`;
}
