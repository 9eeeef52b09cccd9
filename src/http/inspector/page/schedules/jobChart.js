/** The job machine of a schedule, reconstructed from its records: plays each run that ends. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useGet } from '../shared/api.js';
import { Chart, useChart, usePlayed } from '../shared/chart.js';
import { serverNowMs, useNow } from '../shared/clock.js';
import { jsx } from '../shared/jsx.js';
import { useEvents } from '../shared/state.js';
import { nextFireMs, OPEN } from '../shared/words.js';

/** @import { Run, Schedule, Transition } from '../types.d.ts' */

const REFRESH_MS = 2000;
/** More often, the chart of a frequent schedule would only flicker. */
const PLAY_EVERY_MS = 4000;

/** @param {{ schedule: Schedule }} props */
export function JobChart({ schedule }) {
  const layout = useChart('job');
  const { open, waiting } = useOpenRuns(schedule.id);
  const playedMs = useRef(0);
  const [played, setPlayed] = useState(/** @type {Transition[]} */ ([]));
  useEvents(['run'], (entries) => {
    const last = entries.findLast(({ data }) => data.schedule_id === schedule.id && data.started_at);
    if (!last || Date.now() - playedMs.current < PLAY_EVERY_MS) return;
    playedMs.current = Date.now();
    setPlayed(course(last.data));
  });
  const isOver = useNow((nowMs) => nextFireMs(schedule, nowMs) === null);
  const resting = schedule.paused ? 'paused' : open > waiting ? 'running' : isOver ? 'settled' : 'waiting';
  const { active, hot } = usePlayed(played, resting);
  const state = hot ? active : resting;
  if (!layout) return jsx`<div class="chart-space" />`;
  return jsx`
    <div class="chart-scroll" tabIndex="0" role="group" aria-label="State machine of the job">
      <${Chart} layout=${layout} active=${state} hot=${hot} tone=${
    schedule.paused ? 'warn' : 'info'
  } label=${`Job machine: ${state}`} />
    </div>
    <p class="dim">${
    open > 0 ? `${open === 1 ? 'One run is' : `${open} runs are`} open.` : 'No run is open.'
  }${
    waiting > 0 && ` ${waiting === 1 ? 'One waits' : `${waiting} wait`} for an executor.`
  } The chart plays each run when it ends.</p>
  `;
}

/** Numbers of open runs of a schedule, and of those without an executor; polled: no event marks their beginning. @param {string} id */
function useOpenRuns(id) {
  const { data, reload } = useGet(
    `/schedules/${encodeURIComponent(id)}/runs?state=${OPEN.join(',')}&limit=20`,
  );
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  // A run claimed a moment ago has most likely ended by now.
  const runs = /** @type {Run[]} */ (data ?? []).filter(({ claimed_at }) =>
    serverNowMs() - Date.parse(claimed_at) > 500
  );
  return { open: runs.length, waiting: runs.filter(({ waiting_for }) => waiting_for).length };
}

/** The machine's transitions for a run. @param {Run} run @returns {Transition[]} */
function course({ id, claimed_at, started_at, finished_at }) {
  const steps = [
    ['waiting', 'due', claimed_at],
    ['due', 'claiming', claimed_at],
    ['claiming', 'running', started_at],
    ['running', 'settled', finished_at],
  ];
  return steps.map(([from = '', to = '', at]) => ({
    from: String(from),
    to: String(to),
    at: `${at} ${id}`,
    by: null,
  }));
}
