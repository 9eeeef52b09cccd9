/** One run: its outcome, the duration of each phase, and its attempts. */
import { CancelDialog, rerun } from '../shared/actions.js';
import { useGet } from '../shared/api.js';
import { Chart, useChart } from '../shared/chart.js';
import { duration } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { Facts, Failure, Heading, Icon, Moment, RunState } from '../shared/parts.js';
import { href } from '../shared/router.js';
import { useEvents } from '../shared/state.js';
import { attemptText, OPEN, RUN_STATES, spaced, UNKNOWN } from '../shared/words.js';
import { useEffect, useState } from 'preact/hooks';
import { Attempts } from './attempts.js';
import { Waits } from './waits.js';

/** @import { Run } from '../types.d.ts' */

/** Poll interval of an open run: no event comes before its end. */
const REFRESH_MS = 2000;
/** States of the machine of a run's life, by what it waits for. @type {Record<string, string>} */
const WAITING = { place: 'forPlace', overlap: 'forTurn', jitter: 'forTime', retry: 'toRetry' };

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
  } class="mono">${run.schedule_id}</a>`}><${RunState} run=${run} /><${Actions} run=${run} reload=${reload} /></${Heading}>
    ${
    isBeingCancelled(run) && jsx`<p class="note warn"><${Icon} name="ban" />Its attempt is being aborted.</p>`
  }
    <div class="columns">
      <section class="panel" aria-labelledby="facts"><h2 id="facts">Details</h2><${RunFacts} run=${run} /></section>
      <section class="panel" aria-labelledby="course"><h2 id="course">Phases</h2>
        <${Course} run=${run} /></section>
    </div>
    ${run.attempts && run.attempts.length > 0 && jsx`<${Attempts} attempts=${run.attempts} />`}
    ${run.error && jsx`<${TextPanel} id="error" title="Error" text=${run.error} isBad=${true} />`}
    ${run.output && jsx`<${TextPanel} id="output" title="Output" text=${run.output} />`}
    <${LifeChart} run=${run} />
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
  const isOpen = run !== null && OPEN.includes(run.state);
  useEffect(() => {
    if (!isOpen) return;
    const timer = setInterval(reload, REFRESH_MS);
    return () => clearInterval(timer);
  }, [isOpen]);
  return { run, error, reload };
}

/** Whether a request to cancel it was made. @param {Run} run */
function isBeingCancelled({ state, reason }) {
  return OPEN.includes(state) && reason !== null;
}

/** @param {{ run: Run, reload: () => void }} props */
function Actions({ run, reload }) {
  const [isAsking, setAsking] = useState(false);
  if (!OPEN.includes(run.state)) {
    return jsx`<button type="button" onClick=${() => rerun(run)}><${Icon} name="play" />Run again</button>`;
  }
  const close = () => {
    setAsking(false);
    reload();
  };
  return jsx`<button type="button" class="quiet-danger" disabled=${isBeingCancelled(run)}
      onClick=${() => setAsking(true)}>Cancel …</button>
    ${isAsking && jsx`<${CancelDialog} run=${run} onClose=${close} />`}`;
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
    ['Waits', run.waiting_for ? jsx`<${Waits} run=${run} />` : null],
    ['Attempt', run.attempt ? attemptText(run) : null],
    ['Reason', run.reason && spaced(run.reason)],
    [
      'Occurrences',
      run.count && run.count > 1 ? jsx`${run.count}, since <${Moment} at=${run.since} />` : null,
    ],
    ['Executor', run.executor],
    [
      'Claimed in',
      run.term === 0 ? null : jsx`<a href=${href(['timeline'], { term: run.term })}>term ${run.term}</a>`,
    ],
    ['Id', jsx`<span class="mono wrap">${run.id}</span>`],
  ]} />`;
}

/** @param {{ run: Run }} props */
function LifeChart({ run }) {
  const layout = useChart('life');
  if (!layout) return null;
  const state = lifeState(run);
  return jsx`<section class="panel" aria-labelledby="life"><h2 id="life">Life</h2>
    <div class="chart-scroll" tabIndex="0" role="group" aria-label="State machine of the run’s life">
      <${Chart} layout=${layout} active=${state} tone=${(RUN_STATES[run.state] ?? UNKNOWN).tone}
        label=${`Life of a run: ${state}`} />
    </div></section>`;
}

/** Its state in the machine of a run's life. @param {Run} run */
function lifeState(run) {
  const { state, waiting_for, overlap } = run;
  if (waiting_for) {
    const replaces = waiting_for === 'overlap' && overlap === 'replace';
    return `waiting.${replaces ? 'toReplace' : WAITING[waiting_for]}`;
  }
  if (!OPEN.includes(state)) return state === 'timed_out' ? 'timedOut' : state;
  if (isBeingCancelled(run)) return 'executing.stopping';
  return `executing.attempting.${state === 'running' ? state : 'claimed'}`;
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
  const { available_at = '', claimed_at, started_at, finished_at, waiting_for } = run;
  const availableMs = Date.parse(available_at);
  const hasWaited = availableMs > Date.parse(claimed_at) && !(availableMs > Date.parse(finished_at ?? ''));
  const points = [
    ['scheduled', run.scheduled_for],
    ['claimed', claimed_at],
    ['available', hasWaited ? available_at : null],
    // While it waits for the next attempt, the last one is among the earlier ones.
    ['started', waiting_for ? null : started_at],
    ['finished', finished_at],
  ].flatMap(([name, at]) => at ? [{ name, ms: Date.parse(at) }] : []);
  const first = points[0]?.ms ?? 0;
  const parts = points.slice(1).map(({ name, ms }, i) => ({
    name,
    ms: Math.max(0, ms - (points[i]?.ms ?? ms)),
    what: {
      claimed: 'until the claim',
      available: (run.attempts?.length ?? 0) > 0 ? 'earlier attempts' : 'jitter',
      started: 'until the start',
      finished: started_at ? 'execution' : 'until its end',
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
