/** The chart of lateness, by uPlot, which is only fetched when this view is opened. */
import { duration } from './format.js';

/** @import { Term } from './types.d.ts' */

const HEIGHT_PX = 320;

/**
 * @param {HTMLElement} element
 * @param {number} width
 * @param {() => readonly Term[]} changes the terms whose beginnings are marked
 */
export async function latenessPlot(element, width, changes) {
  const { default: UPlot } = await import('uplot');
  loadStyles();
  const colour = (/** @type {string} */ name) => resolved(element, name);
  const axis = () => ({
    stroke: () => colour('--muted'),
    grid: { stroke: () => colour('--line'), width: 1 },
    ticks: { stroke: () => colour('--line'), width: 1 },
    font: '12px Inter, system-ui, sans-serif',
  });
  const series = (
    /** @type {string} */ label,
    /** @type {string} */ name,
    /** @type {number} */ px,
    /** @type {number[]} */ dash = [],
  ) => ({
    label,
    ...{ stroke: () => colour(name), width: px, dash, spanGaps: false },
    points: { size: 4, fill: () => colour(name) },
    value: (/** @type {unknown} */ _, /** @type {number | null} */ ms) =>
      ms === null || ms === undefined ? '–' : duration(ms),
  });
  const plot = new UPlot(
    {
      width,
      height: HEIGHT_PX,
      padding: [20, 16, 0, 0],
      cursor: { y: false },
      scales: { y: { range: (_, __, max) => [0, Math.max(20, (max ?? 0) * 1.15)] } },
      axes: [
        {
          ...axis(),
          values: (_, splits) =>
            splits.map((s) =>
              new Date(s * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
            ),
          space: 80,
        },
        { ...axis(), values: (_, splits) => splits.map((ms) => duration(ms)), size: 64 },
      ],
      series: [
        { label: 'until', value: (_, s) => s ? new Date(s * 1000).toLocaleTimeString('en-GB') : '–' },
        series('median', '--ok', 2),
        series('p99', '--accent', 2),
        series('worst', '--warn', 1, [4, 3]),
      ],
      hooks: { draw: [(drawn) => drawChanges(drawn, changes(), colour)] },
    },
    /** @type {any} */ ([[], [], [], []]),
    element,
  );
  const redraw = () => plot.redraw(false);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  addEventListener('themechange', redraw);
  dark.addEventListener('change', redraw);
  return {
    /** @param {any} data */
    show: (data) => plot.setData(data),
    destroy() {
      removeEventListener('themechange', redraw);
      dark.removeEventListener('change', redraw);
      plot.destroy();
    },
  };
}

/**
 * A vertical line where a term began, with its number.
 * @param {import('uplot')} plot
 * @param {readonly Term[]} changes
 * @param {(name: string) => string} colour
 */
function drawChanges({ ctx, bbox, valToPos }, changes, colour) {
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour('--bad');
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.font = `${11 * devicePixelRatio}px Inter, system-ui, sans-serif`;
  ctx.textAlign = 'center';
  let labelledTo = -Infinity;
  for (const { began_at, term } of changes.toReversed()) {
    const x = valToPos(Date.parse(began_at) / 1000, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top - 2);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (x - labelledTo < 60 * devicePixelRatio) continue;
    labelledTo = x;
    ctx.fillText(`term ${term}`, x, bbox.top - 6 * devicePixelRatio);
  }
  ctx.restore();
}

/** A colour of the style sheet as a canvas understands it. @param {Element} element @param {string} name */
function resolved(element, name) {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

let hasStyles = false;

function loadStyles() {
  if (hasStyles) return;
  hasStyles = true;
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = /** @type {string} */ (document.body.dataset.uplotCss);
  document.head.append(link);
}
