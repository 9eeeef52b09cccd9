/** Lateness over time, as lines, with the changes of leadership as vertical marks. */
import { clockTime, duration, plural } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { ticks } from '../timeline/timeline.js';
import { Axis, useWidth } from '../timeline/timelineChart.js';

/** @import { Term } from '../types.d.ts' */
/** @import { Buckets } from './lateness.js' */

const HEIGHT_PX = 300;
const TOP_PX = 26;
const LEFT_PX = 64;
const AXIS_PX = 24;
/** Width of a term's label. */
const LABEL_PX = 58;
/** Possible steps of the vertical axis, ms. */
const STEPS_MS = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1000,
  2000,
  5000,
  10_000,
  30_000,
  60_000,
  300_000,
  3_600_000,
  86_400_000,
];

/** @param {{ buckets: Buckets, fromMs: number, toMs: number, changes: readonly Term[] }} props */
export function LatenessChart({ buckets, fromMs, toMs, changes }) {
  const { ref, width: full } = useWidth();
  const width = Math.max(50, full - LEFT_PX - 12);
  const bottom = HEIGHT_PX - AXIS_PX;
  const worstMs = Math.max(0, ...buckets.worst.map((ms) => ms ?? 0));
  const step = STEPS_MS.find((each) => worstMs / each <= 5) ?? 7 * 86_400_000;
  const topMs = Math.max(step * Math.ceil(worstMs * 1.02 / step), 4 * step);
  const xOf = (/** @type {number} */ ms) => (ms - fromMs) * width / (toMs - fromMs);
  const yOf = (/** @type {number} */ ms) => bottom - ms * (bottom - TOP_PX) / topMs;
  const levels = Array.from({ length: Math.round(topMs / step) + 1 }, (_, i) => i * step);
  const label = `Lateness over time: at most ${duration(worstMs)}, ${
    plural(changes.length, 'change')
  } of leader`;
  return jsx`<div class="plot" ref=${ref}>${
    full > 0 && jsx`
    <svg width=${full} height=${HEIGHT_PX} role="img" aria-label=${label}>
      ${
      levels.map((ms) =>
        jsx`<g key=${ms}><line class="tick" x1=${LEFT_PX} x2=${LEFT_PX + width} y1=${yOf(ms)} y2=${yOf(ms)} />
        <text class="tick-label" x=${LEFT_PX - 8} y=${yOf(ms) + 4} text-anchor="end">${
          duration(ms)
        }</text></g>`
      )
    }
      <g transform=${`translate(${LEFT_PX} 0)`}>
        <${Axis} ticks=${
      ticks({ from: fromMs, to: toMs, width })
    } width=${width} top=${TOP_PX} bottom=${bottom} />
        <${Line} kind="worst" timesMs=${buckets.timesMs} values=${buckets.worst} xOf=${xOf} yOf=${yOf} />
        <${Line} kind="p99" timesMs=${buckets.timesMs} values=${buckets.p99} xOf=${xOf} yOf=${yOf} />
        <${Line} kind="median" timesMs=${buckets.timesMs} values=${buckets.p50} xOf=${xOf} yOf=${yOf} />
        <${Changes} changes=${changes} xOf=${xOf} bottom=${bottom} />
        <${Columns} buckets=${buckets} width=${width} bottom=${bottom} />
      </g>
    </svg>`
  }
    <ul class="legend" aria-hidden="true">${
    ['median', 'p99', 'worst'].map((kind) =>
      jsx`<li key=${kind}><svg width="22" height="8"><path class=${`curve ${kind}`} d="M0 4H22" /></svg>${kind}</li>`
    )
  }
      <li><svg width="10" height="12"><path class="change" d="M5 0V12" /></svg>a term began</li></ul></div>`;
}

/**
 * @param {{ kind: string, timesMs: number[], values: (number | null)[], xOf: (ms: number) => number, yOf: (ms: number) => number }} props
 */
function Line({ kind, timesMs, values, xOf, yOf }) {
  // A part without a run is a gap in the line; a single part between two gaps is a dot.
  const path = values.map((ms, i) => {
    if (ms === null) return '';
    const at = `${xOf(timesMs[i] ?? 0).toFixed(1)} ${yOf(ms).toFixed(1)}`;
    return (values[i - 1] ?? null) === null ? `M${at}h.01` : `L${at}`;
  });
  return jsx`<path class=${`curve ${kind}`} d=${path.join('')} />`;
}

/** @param {{ changes: readonly Term[], xOf: (ms: number) => number, bottom: number }} props newest first */
function Changes({ changes, xOf, bottom }) {
  let labelledFrom = Infinity;
  const marks = changes.map((term) => {
    const x = xOf(Date.parse(term.began_at));
    const isLabelled = labelledFrom - x > LABEL_PX;
    if (isLabelled) labelledFrom = x;
    return { term, x, isLabelled };
  });
  return jsx`${
    marks.map(({ term, x, isLabelled }) =>
      jsx`<g key=${term.term} data-tip=${changeTip(term)}>
    <path class="change" d=${`M${x} ${TOP_PX - 6}V${bottom}`} />
    ${
        isLabelled &&
        jsx`<text class="gap-label" x=${x} y=${TOP_PX - 10} text-anchor="middle">term ${term.term}</text>`
      }</g>`
    )
  }`;
}

/** @param {Term} term */
function changeTip({ term, replica, began_at, gap_ms }) {
  const gap = gap_ms ? `\n${duration(gap_ms)} without a leader before` : '';
  return `Term ${term} of ${replica} began at ${clockTime(Date.parse(began_at), true)}${gap}`;
}

/** The hover columns. @param {{ buckets: Buckets, width: number, bottom: number }} props */
function Columns({ buckets, width, bottom }) {
  const { timesMs, counts, p50, p99, worst } = buckets;
  const px = width / timesMs.length;
  return jsx`${
    timesMs.map((ms, i) =>
      counts[i] &&
      jsx`<rect key=${ms} class="column" x=${i * px} y=${TOP_PX} width=${px} height=${bottom - TOP_PX}
    data-tip=${`until ${clockTime(ms)}: ${plural(counts[i] ?? 0, 'run')}\nmedian ${
        duration(p50[i] ?? 0)
      }\np99 ${duration(p99[i] ?? 0)}\nworst ${duration(worst[i] ?? 0)}`} />`
    )
  }`;
}
