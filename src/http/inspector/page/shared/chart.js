/** Draws a statechart laid out by scripts/charts.ts, and highlights its active states. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { jsx } from './jsx.js';

/** @import { Chart as Layout, ChartEdge, ChartNode, Transition } from '../types.d.ts' */

const STEP_MS = 420;
const GLOW_MS = 1600;
/** Limit of queued transitions: of more, only the last ones are played. */
const MAX_PLAYED = 8;
const LINE_PX = 13;

/** @type {Promise<Record<string, Layout>> | null} */
let loading = null;

/**
 * @param {string} name
 * @returns {Layout | null} null until the charts have been read
 */
export function useChart(name) {
  const [charts, setCharts] = useState(/** @type {Record<string, Layout> | null} */ (null));
  useEffect(() => {
    loading ??= fetch(/** @type {string} */ (document.body.dataset.charts)).then((answer) => answer.json());
    loading.then(setCharts, () => (loading = null));
  }, []);
  return charts?.[name] ?? null;
}

/**
 * @param {{ layout: Layout, label: string, active?: string | null, hot?: { from: string, to: string, key: unknown } | null,
 *   tone?: string }} props `hot` is the transition that has just been taken
 */
export function Chart({ layout, label, active, hot, tone = 'info' }) {
  const { width, height, nodes, edges } = layout;
  const ordered = nodes.toSorted((a, b) => Number(b.compound) - Number(a.compound));
  const isActive = (/** @type {ChartNode} */ { id }) => active === id || active?.startsWith(`${id}.`);
  return jsx`
    <svg class=${`chart ${tone}`} viewBox=${`0 0 ${width} ${height}`} width=${width} height=${height} role="img"
      aria-label=${label}>
        <defs>${
    ['plain', 'hot'].map((kind) =>
      jsx`
            <marker key=${kind} id=${`arrow-${kind}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
              orient="auto-start-reverse">
              <path class=${`arrow ${kind}`} d="M0 0.5 8 4 0 7.5z" />
            </marker>
          `
    )
  }</defs>
        ${
    ordered.filter((node) => node.compound).map((node) =>
      jsx`<${Box} key=${node.id} node=${node} active=${isActive(node)} />`
    )
  }
        ${
    edges.map((edge) =>
      jsx`<${Edge} key=${`${edge.from} ${edge.to}`} edge=${edge} hot=${
        hot?.from === edge.from && hot.to === edge.to ? hot.key : null
      } />`
    )
  }
        ${
    ordered.filter((node) => !node.compound).map((node) =>
      jsx`<${Box} key=${node.id} node=${node} active=${isActive(node)} />`
    )
  }
      </svg>
  `;
}

/** @param {{ node: ChartNode, active: boolean }} props */
function Box({ node, active }) {
  const { x, y, width, height, label, compound, initial, final } = node;
  const left = x - width / 2;
  const top = y - height / 2;
  const words = label.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return jsx`<g class=${`state ${compound ? 'compound' : ''} ${active ? 'active' : ''}`}>
    <rect x=${left} y=${top} width=${width} height=${height} rx=${compound ? 10 : 8} />
    ${
    final &&
    jsx`<rect class="inner" x=${left + 3} y=${top + 3} width=${width - 6} height=${height - 6} rx="5.5" />`
  }
    ${initial && !compound && jsx`<circle class="initial" cx=${left + 9} cy=${y} r="2.5" />`}
    <text x=${compound ? left + 10 : x + (initial ? 4 : 0)} y=${compound ? top + 15 : y + 4} text-anchor=${
    compound ? 'start' : 'middle'
  }>${words}</text></g>`;
}

/** @param {{ edge: ChartEdge, hot: unknown }} props */
function Edge({ edge, hot }) {
  const { path, labels, at } = edge;
  const isHot = hot !== null && hot !== undefined;
  return jsx`<g class=${isHot ? 'edge hot' : 'edge'} data-tip=${labels.join('\n')}>
    <path class="reach" d=${path} />
    <path class="line" d=${path} marker-end=${`url(#arrow-${isHot ? 'hot' : 'plain'})`} />
    ${isHot && jsx`<path key=${hot} class="pulse" d=${path} pathLength="100" />`}
    ${
    at && jsx`<text class="edge-label" y=${at.y - labels.length * LINE_PX / 2 + 10} text-anchor="middle">
      ${labels.map((line, i) => jsx`<tspan key=${i} x=${at.x} dy=${i && LINE_PX}>${line}</tspan>`)}</text>`
  }</g>`;
}

/**
 * The readable name of a transition's event, and its guard.
 * @param {Layout} layout
 * @param {Transition} transition
 */
export function eventLabel({ edges }, { from, to, by }) {
  const edge = edges.find((each) => each.from === from && each.to === to);
  return edge?.labels[edge.types?.indexOf(by ?? '') ?? -1] ?? by ?? '';
}

/**
 * Plays new transitions one after another, so that each is visible, however close together they were.
 * Transitions from before the first render are not played.
 * @param {readonly Transition[]} transitions oldest first
 * @param {string} resting the active state when there are none
 * @returns {{ active: string, hot: { from: string, to: string, key: string } | null }}
 */
export function usePlayed(transitions, resting) {
  const last = transitions.at(-1);
  const newest = last ? keyOf(last) : null;
  const [step, setStep] = useState(/** @type {Transition | null} */ (null));
  const player = useRef({
    last: newest,
    queue: /** @type {Transition[]} */ ([]),
    timer: 0,
    isGlowing: false,
  });
  useEffect(() => {
    const { current } = player;
    if (newest === current.last) return;
    const from = transitions.findLastIndex((each) => keyOf(each) === current.last);
    current.last = newest;
    current.queue = [...current.queue, ...transitions.slice(from + 1)].slice(-MAX_PLAYED);
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      current.queue.splice(0, current.queue.length - 1);
    }
    const advance = () => {
      const next = current.queue.shift() ?? null;
      setStep(next);
      current.isGlowing = current.queue.length === 0;
      current.timer = next ? setTimeout(advance, current.isGlowing ? GLOW_MS : STEP_MS) : 0;
    };
    if (current.timer !== 0 && !current.isGlowing) return;
    clearTimeout(current.timer);
    advance();
  }, [newest]);
  useEffect(() => () => clearTimeout(player.current.timer), []);
  const active = step?.to ?? last?.to ?? resting;
  return { active, hot: step && { from: step.from, to: step.to, key: keyOf(step) } };
}

/** @param {Transition} each */
function keyOf({ at, from, to }) {
  return `${at} ${from} ${to}`;
}
