/** The history of leadership, from 90 days down to the milliseconds of one takeover. */
import { clockTime, LOCAL_ZONE, wallClock } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { Heading, Icon, Segments, Switch } from '../shared/parts.js';
import { setQuery } from '../shared/router.js';
import { useTopics } from '../shared/state.js';
import { TermPanel, TermTable } from './terms.js';
import { Mark, TimelineChart } from './timelineChart.js';
import { useSelectedTerm, useTimelineWindow } from './timelineWindow.js';
import { BEGINNINGS, ENDINGS } from '../shared/words.js';

/** @import { Term } from '../types.d.ts' */

const MINUTE = 60_000;
/** @type {[string, string][]} */
const SPANS = [
  [String(5 * MINUTE), '5 min'],
  [String(30 * MINUTE), '30 min'],
  [String(3 * 60 * MINUTE), '3 h'],
  [String(24 * 60 * MINUTE), '24 h'],
  [String(7 * 24 * 60 * MINUTE), '7 d'],
  [String(90 * 24 * 60 * MINUTE), '90 d'],
];

/** @param {{ route: import('../shared/router.js').Route }} props */
export function TimelineView({ route }) {
  const { terms } = useTopics('terms');
  const window = useTimelineWindow(route.query);
  const { visible, pan, zoom, showTerm } = window;
  const { selected, select } = useSelectedTerm(route.query, showTerm);
  const term = terms.find((each) => each.term === selected);
  const onShow = (/** @type {Term} */ each) => {
    setQuery({ term: each.term });
    showTerm(each);
    scrollTo({ top: 0, behavior: 'smooth' });
  };
  return jsx`
    <${Heading} title="Timeline"
      lead="The leaders over time: how each term began and ended, and the gaps without a leader." />
    <${Toolbar} window=${window} />
    <div class="panel flush" tabIndex="0" role="group"
      aria-label="Timeline of leadership. Arrow keys move it, plus and minus zoom." onKeyDown=${
    onKey({
      ArrowLeft: () => pan(-0.2),
      ArrowRight: () => pan(0.2),
      '+': () => zoom(0.5),
      '-': () => zoom(2),
    })
  }>
      <${TimelineChart} from=${visible.from} to=${visible.to} selected=${selected} onSelect=${select} onPan=${pan}
        onZoom=${zoom} />
      <${Legend} />
    </div>
    ${term && jsx`<${TermPanel} term=${term} />`}
    <${TermTable} terms=${terms} selected=${selected} onShow=${onShow} />
  `;
}

/** @param {Record<string, () => void>} commands by key */
function onKey(commands) {
  return (/** @type {KeyboardEvent} */ event) => {
    const command = commands[event.key];
    if (!command || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    command();
  };
}

/** @param {{ window: ReturnType<typeof useTimelineWindow> }} props */
function Toolbar({ window: { visible, spanMs, follow, setFollow, pan, zoom } }) {
  const { from, to } = visible;
  return jsx`<div class="toolbar">
      <${Segments} label="Span" options=${SPANS} value=${String(Math.round(spanMs))}
        onChange=${(/** @type {string} */ ms) => zoom(Number(ms) / spanMs)} />
      <div class="group">
        <${SquareButton} label="Earlier" icon="left" onClick=${() => pan(-0.5)} />
        <${SquareButton} label="Later" icon="right" onClick=${() => pan(0.5)} />
        <${SquareButton} label="Zoom out" icon="minus" onClick=${() => zoom(2)} />
        <${SquareButton} label="Zoom in" icon="plus" onClick=${() => zoom(0.5)} /></div>
      <span class="spacer" />
      <span class="dim num nowrap">${wallClock(from, LOCAL_ZONE).slice(0, 16)} – ${
    sameDay(visible) ? clockTime(to).slice(0, 5) : wallClock(to, LOCAL_ZONE).slice(0, 16)
  }</span>
      <${Switch} label="Follow" on=${follow} tip="Keeps the present at the right edge" onChange=${setFollow} />
    </div>`;
}

/** @param {{ label: string, icon: string, onClick: () => void }} props */
function SquareButton({ label, icon, onClick }) {
  return jsx`<button type="button" class="square" aria-label=${label} onClick=${onClick}><${Icon} name=${icon} /></button>`;
}

/** @param {{ from: number, to: number }} window */
function sameDay({ from, to }) {
  return wallClock(from, LOCAL_ZONE).slice(0, 10) === wallClock(to, LOCAL_ZONE).slice(0, 10);
}

function Legend() {
  const marks = [
    ...Object.keys(BEGINNINGS).map((kind) => ['began', kind]),
    ...Object.keys(ENDINGS).filter((kind) => kind !== 'stepped down').map((kind) => ['ended', kind]),
  ];
  return jsx`<ul class="legend" aria-label="Legend">
    ${
    marks.map(([what, kind]) =>
      jsx`
        <li
          key=${kind}><svg width="12" height="12" aria-hidden="true"><${Mark} x=${0} y=${0} kind=${kind} /></svg>${what}: ${
        kind ===
            'released'
          ? 'released, stepped down'
          : kind
      }</li>
      `
    )
  }
    <li><svg width="14" height="12" aria-hidden="true"><rect class="gap-area" width="14" height="12" fill="url(#hatch)" /></svg>no leader</li>
    <li class="legend-hint">Drag to move, Ctrl + wheel to zoom</li></ul>`;
}
