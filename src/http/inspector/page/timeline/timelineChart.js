/** The timeline of leadership: a lane for each replica, a bar for each term, and the gaps between them. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { serverNowMs } from '../shared/clock.js';
import { clockTime, duration, LOCAL_ZONE, plural, wallClock } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { useTopics } from '../shared/state.js';
import { drawing, ticks } from './timeline.js';

/** @import { Term } from '../types.d.ts' */
/** @import { Bar, Gap } from './timeline.js' */

const LANE_PX = 34;
const BAR_PX = 20;
const TOP_PX = 22;
const AXIS_PX = 24;
const DAY_MS = 86_400_000;

/** The observed width of an element. */
export function useWidth() {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!ref.current) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}

/**
 * @param {{ from: number, to: number, selected: number | null, onSelect: (term: Term) => void,
 *   onPan?: (share: number) => void, onZoom?: (factor: number, atShare: number) => void }} props
 */
export function TimelineChart({ from, to, selected, onSelect, onPan, onZoom }) {
  const { terms, cluster } = useTopics('terms', 'cluster');
  const { ref, width: full } = useWidth();
  const laneNamePx = full < 560 ? 84 : 120;
  const width = Math.max(50, full - laneNamePx - 8);
  const nowMs = serverNowMs();
  const { lanes, bars, gaps } = drawing(terms, cluster?.replicas.map(({ id }) => id) ?? [], {
    from,
    to,
    width,
    nowMs,
  });
  const bottom = TOP_PX + lanes.length * LANE_PX;
  const laneTop = (/** @type {number} */ lane) => TOP_PX + lane * LANE_PX + (LANE_PX - BAR_PX) / 2;
  const handlers = useGestures({ width, laneNamePx, onPan, onZoom });
  const nowX = (nowMs - from) * width / (to - from);
  const label = `${plural(bars.reduce((sum, bar) => sum + bar.terms.length, 0), 'term')}, ${
    plural(gaps.reduce((sum, gap) => sum + gap.count, 0), 'gap')
  } without a leader, from ${wallClock(from, LOCAL_ZONE).slice(0, 19)} to ${
    wallClock(to, LOCAL_ZONE).slice(0, 19)
  }`;
  const clip = `clip-${laneNamePx}-${width}`;
  const scale = { from, to, width };
  return jsx`<div class=${onPan ? 'timeline can-pan' : 'timeline'} ref=${ref}>${
    full > 0 && jsx`
    <svg width=${full} height=${bottom + AXIS_PX} role="img" aria-label=${label} ...${handlers}>
      <defs>
        <clipPath id=${clip}><rect width=${width} height=${bottom + AXIS_PX} /></clipPath>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect class="hatch-ground" width="6" height="6" /><path class="hatch-line" d="M0 0V6" /></pattern>
      </defs>
      ${
      lanes.map((name, lane) =>
        jsx`<${Lane} key=${name} name=${name} lane=${lane} width=${full} namePx=${laneNamePx} />`
      )
    }
      <g transform=${`translate(${laneNamePx} 0)`} clip-path=${`url(#${clip})`}>
        <${Axis} ticks=${ticks(scale)} width=${width} bottom=${bottom} />
        ${gaps.map((gap) => jsx`<${GapMark} key=${`gap ${gap.term?.term}`} gap=${gap} bottom=${bottom} />`)}
        ${
      bars.map((bar) =>
        jsx`<${BarMark} key=${keyOf(bar)} bar=${bar} top=${laneTop(bar.lane)}
          selected=${bar.terms.some(({ term }) => term === selected)} onSelect=${onSelect} nowMs=${nowMs} />`
      )
    }
        ${nowX <= width && jsx`<line class="now" x1=${nowX} x2=${nowX} y1=${TOP_PX - 4} y2=${bottom} />`}
      </g>
    </svg>`
  }</div>`;
}

/** @param {Bar} bar */
function keyOf({ lane, terms }) {
  return `${lane} ${terms.at(-1)?.term}`;
}

/** @param {{ name: string, lane: number, width: number, namePx: number }} props */
function Lane({ name, lane, width, namePx }) {
  const top = TOP_PX + lane * LANE_PX;
  const text = clipped(name, namePx);
  return jsx`<g data-tip=${text === name ? undefined : name}>
    <rect class=${lane % 2 ? 'lane odd' : 'lane'} y=${top} width=${width} height=${LANE_PX} />
    <text class="lane-name" x="8" y=${top + LANE_PX / 2 + 4}>${text}</text></g>`;
}

/** @param {{ ticks: { x: number, ms: number, stepMs: number }[], width: number, top?: number, bottom: number }} props */
export function Axis({ ticks, width, top = TOP_PX, bottom }) {
  const fits = (/** @type {number} */ x) => x > 40 && x < width - 40;
  return jsx`${
    ticks.map(({ x, ms, stepMs }) =>
      jsx`<g key=${ms}>
    <line class="tick" x1=${x} x2=${x} y1=${top} y2=${bottom} />
    ${
        fits(x) &&
        jsx`<text class="tick-label" x=${x} y=${bottom + 16} text-anchor="middle">${
          tickLabel(ms, stepMs)
        }</text>`
      }</g>`
    )
  }`;
}

/** @param {{ bar: Bar, top: number, selected: boolean, onSelect: (term: Term) => void, nowMs: number }} props */
function BarMark({ bar, top, selected, onSelect, nowMs }) {
  const { x, width, terms, startsHere, endsHere } = bar;
  const newest = /** @type {Term} */ (terms[0]);
  const oldest = /** @type {Term} */ (terms.at(-1));
  const endMs = newest.ended_at ? Date.parse(newest.ended_at) : nowMs;
  const tip = terms.length > 1
    ? `${terms.length} terms, ${oldest.term} to ${newest.term}\nZoom in to see each of them`
    : `Term ${newest.term} of ${newest.replica}\nbegan: ${newest.began_by}\n${
      newest.ended_by ? `ended: ${newest.ended_by}` : 'current'
    }\nlasted ${duration(endMs - Date.parse(newest.began_at))}`;
  const name = terms.length > 1 ? `${terms.length} terms` : `term ${newest.term}`;
  const room = Math.min(x + width, 1e9) - Math.max(x, 0);
  return jsx`<g class=${`bar ${newest.ended_at ? '' : 'open'} ${terms.length > 1 ? 'many' : ''} ${
    selected ? 'selected' : ''
  }`} data-tip=${tip} data-term=${newest.term} onClick=${() => onSelect(newest)}>
    <rect x=${x} y=${top} width=${width} height=${BAR_PX} rx=${Math.min(4, width / 2)} />
    ${startsHere && width > 14 && jsx`<${Mark} x=${x + 4} y=${top + 4} kind=${oldest.began_by} />`}
    ${room > name.length * 7 + 44 && jsx`<text x=${Math.max(x, 0) + 22} y=${top + 14}>${name}</text>`}
    ${
    endsHere && width > 34 && jsx`<${Mark} x=${x + width - 16} y=${top + 4} kind=${newest.ended_by ?? ''} />`
  }</g>`;
}

/** The beginnings and endings of terms, as shapes of 12 by 12. @type {Record<string, string>} */
const MARKS = {
  acquired: 'M6 1.5 11 10.5H1z',
  'pre-empted': 'M7 0 2 7h3L4.5 12 10 5H6.8z',
  released: 'M1 2H11L6 11z',
  'stepped down': 'M1 2H11L6 11z',
  expired: 'M1.5 1.5H10.5L1.5 10.5H10.5z',
  fenced: 'M2 .5 6 4.5 10 .5 11.5 2 7.5 6l4 4L10 11.5 6 7.5 2 11.5.5 10l4-4-4-4z',
};

/** @param {{ x: number, y: number, kind: string }} props */
export function Mark({ x, y, kind }) {
  return jsx`<path class="mark" transform=${`translate(${x} ${y})`} d=${MARKS[kind] ?? 'M3 3H9V9H3z'} />`;
}

/** @param {{ gap: Gap, bottom: number }} props */
function GapMark({ gap, bottom }) {
  const { x, width, ms, count, term } = gap;
  const text = `${count > 1 ? '≤ ' : ''}${duration(ms)}`;
  const tip = count > 1
    ? `${count} times without a leader, ${duration(ms)} at most`
    : `${duration(ms)} without a leader${term ? `, before term ${term.term}` : ' so far'}`;
  return jsx`
    <g class="gap" data-tip=${tip}>
      <rect class="reach" x=${x - 4} y="0" width=${width + 8} height=${bottom} />
      <rect class="gap-area" x=${x} y=${TOP_PX - 4} width=${width} height=${bottom - TOP_PX + 4} />
      ${
    gap.isLabelled &&
    jsx`<text class="gap-label" x=${x + width / 2} y="13" text-anchor="middle">${text}</text>`
  }
    </g>
  `;
}

/** @param {string} name @param {number} px */
function clipped(name, px) {
  const room = Math.floor((px - 16) / 7);
  return name.length > room ? `…${name.slice(1 - room)}` : name;
}

/** @param {number} ms @param {number} stepMs */
function tickLabel(ms, stepMs) {
  const midnight = wallClock(ms, LOCAL_ZONE).slice(11, 19) === '00:00:00';
  if (midnight || stepMs >= DAY_MS) {
    return new Date(ms).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
  }
  if (stepMs < 1000) return clockTime(ms, true);
  return stepMs < 60_000 ? clockTime(ms) : clockTime(ms).slice(0, 5);
}

/**
 * Dragging pans; the wheel zooms with Ctrl (or a pinch on a touchpad), and pans sideways.
 * @param {{ width: number, laneNamePx: number, onPan?: (share: number) => void, onZoom?: (factor: number, atShare: number) => void }} options
 */
function useGestures({ width, laneNamePx, onPan, onZoom }) {
  const drag = useRef(/** @type {{ x: number, moved: boolean } | null} */ (null));
  if (!onPan || !onZoom) return {};
  return {
    onPointerDown: (/** @type {PointerEvent} */ event) => {
      if (event.button === 0) drag.current = { x: event.clientX, moved: false };
    },
    onPointerMove: (/** @type {PointerEvent} */ event) => {
      const { current } = drag;
      const by = current ? event.clientX - current.x : 0;
      if (!current || (!current.moved && Math.abs(by) < 4)) return;
      if (!current.moved) /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
      current.moved = true;
      current.x = event.clientX;
      onPan(-by / width);
    },
    onPointerUp: () => (drag.current = null),
    onPointerCancel: () => (drag.current = null),
    onWheel: (/** @type {WheelEvent} */ event) => {
      if (!event.ctrlKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
      event.preventDefault();
      const { left } = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
      if (event.ctrlKey) onZoom(Math.exp(event.deltaY / 200), (event.clientX - left - laneNamePx) / width);
      else onPan(event.deltaX / width);
    },
  };
}
