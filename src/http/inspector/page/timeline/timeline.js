/**
 * Computes the drawing of a leadership timeline for a window of time. Pure: times are epoch ms,
 * lengths CSS pixels.
 */

/** @import { Term } from '../types.d.ts' */

/**
 * @typedef {object} Bar one term, or several too short to draw separately
 * @property {number} lane
 * @property {number} x
 * @property {number} width
 * @property {Term[]} terms newest first
 * @property {boolean} startsHere whether its beginning is in the window
 * @property {boolean} endsHere
 *
 * @typedef {object} Gap a time without a leader, or several in one place
 * @property {number} x
 * @property {number} width
 * @property {number} ms of the longest
 * @property {number} count
 * @property {Term | null} term the one that ended it; null while it lasts
 * @property {boolean} isLabelled whether there is room for its length
 *
 * @typedef {object} Drawing
 * @property {string[]} lanes names of replicas; the last may stand for all others
 * @property {Bar[]} bars
 * @property {Gap[]} gaps
 */

const MAX_LANES = 12;
const OTHERS = 'others';
/** Width of a gap's label. */
const LABEL_PX = 52;
/** Minimum width of a mark; closer ones are merged. */
const MIN_PX = 3;
const STEPS_MS = [
  ...[50, 100, 250, 500, 1000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000],
  ...[
    3_600_000,
    3 * 3_600_000,
    6 * 3_600_000,
    12 * 3_600_000,
    86_400_000,
    2 * 86_400_000,
    7 * 86_400_000,
    14 * 86_400_000,
  ],
];

/** @param {Term} term @param {number} nowMs */
function spanOf({ began_at, ended_at }, nowMs) {
  const from = Date.parse(began_at);
  return { from, to: ended_at ? Date.parse(ended_at) : Math.max(from, nowMs) };
}

/**
 * @param {readonly Term[]} terms newest first
 * @param {readonly string[]} present replicas that get a lane in any case
 * @param {{ from: number, to: number, width: number, nowMs: number }} window
 * @returns {Drawing}
 */
export function drawing(terms, present, { from, to, width, nowMs }) {
  const pxPerMs = width / (to - from);
  const xOf = (/** @type {number} */ ms) => (ms - from) * pxPerMs;
  const visible = terms.filter((term) => {
    const span = spanOf(term, nowMs);
    return span.to >= from && Date.parse(term.began_at) - (term.gap_ms ?? 0) <= to;
  });
  const lanes = lanesOf(visible, present);
  const bars = /** @type {Bar[]} */ ([]);
  const newestBar = new Map();
  // Oldest first, so that a close successor joins its predecessor.
  for (const term of visible.toReversed()) {
    const span = spanOf(term, nowMs);
    const lane = Math.max(0, lanes.indexOf(lanes.includes(term.replica) ? term.replica : OTHERS));
    const x = Math.max(-MIN_PX, xOf(span.from));
    const right = Math.min(width + MIN_PX, Math.max(xOf(span.to), x + MIN_PX));
    const last = newestBar.get(lane);
    const isSmall = right - x <= 2 * MIN_PX;
    if (
      last && x < last.x + last.width + 1 && (isSmall || last.width <= 2 * MIN_PX || last.terms.length > 1)
    ) {
      last.terms.unshift(term);
      last.width = Math.max(last.width, right - last.x);
      last.endsHere = span.to <= to && term.ended_at !== null;
      continue;
    }
    const bar = {
      ...{ lane, x, width: right - x, terms: [term] },
      ...{ startsHere: span.from >= from, endsHere: span.to <= to && term.ended_at !== null },
    };
    newestBar.set(lane, bar);
    bars.push(bar);
  }
  return { lanes, bars, gaps: gapsOf(visible, terms[0], { from, to, nowMs, xOf, width }) };
}

/** @param {readonly Term[]} visible @param {readonly string[]} present */
function lanesOf(visible, present) {
  const ids = [...new Set([...present, ...visible.map(({ replica }) => replica)])];
  const named = ids.slice(0, ids.length > MAX_LANES ? MAX_LANES - 1 : MAX_LANES).toSorted();
  return ids.length > MAX_LANES ? [...named, OTHERS] : named;
}

/**
 * @param {readonly Term[]} visible newest first
 * @param {Term | undefined} newest of all
 * @param {{ from: number, to: number, nowMs: number, width: number, xOf: (ms: number) => number }} scale
 */
function gapsOf(visible, newest, { from, to, nowMs, width, xOf }) {
  const gaps = /** @type {Gap[]} */ ([]);
  const add = (/** @type {number} */ start, /** @type {number} */ end, /** @type {Term | null} */ term) => {
    if (end < from || start > to) return;
    const x = Math.max(0, xOf(start));
    const right = Math.min(width, Math.max(xOf(end), x + 2));
    const last = gaps.at(-1);
    // Draws one of the gaps that begin in one place; more would hide the terms in between.
    if (last && x - last.x < MIN_PX && last.width <= MIN_PX) {
      last.width = Math.max(last.width, right - last.x);
      if (end - start > last.ms) Object.assign(last, { ms: end - start, term });
      last.count++;
    } else gaps.push({ x, width: right - x, ms: end - start, count: 1, term, isLabelled: true });
  };
  for (const term of visible.toReversed()) {
    const began = Date.parse(term.began_at);
    if (term.gap_ms) add(began - term.gap_ms, began, term);
  }
  if (newest?.ended_at && visible.includes(newest)) add(Date.parse(newest.ended_at), nowMs, null);
  label(gaps);
  return gaps;
}

/** Where labels overlap, the longest gaps keep theirs. @param {Gap[]} gaps */
function label(gaps) {
  /** @type {number[]} */
  const taken = [];
  for (const gap of gaps.toSorted((a, b) => b.ms - a.ms)) {
    const middle = gap.x + gap.width / 2;
    gap.isLabelled = taken.every((other) => Math.abs(other - middle) >= LABEL_PX);
    if (gap.isLabelled) taken.push(middle);
  }
}

/**
 * The marks of an axis, in local time: round times, as many as fit.
 * @param {{ from: number, to: number, width: number }} window
 * @returns {{ x: number, ms: number, stepMs: number }[]}
 */
export function ticks({ from, to, width }) {
  const wanted = Math.max(2, width / 110);
  const step = STEPS_MS.find((each) => (to - from) / each <= wanted) ?? 28 * 86_400_000;
  const zoneMs = new Date(from).getTimezoneOffset() * 60_000;
  const marks = [];
  for (let ms = Math.ceil((from - zoneMs) / step) * step + zoneMs; ms <= to; ms += step) {
    marks.push({ x: (ms - from) * width / (to - from), ms, stepMs: step });
  }
  return marks;
}

/**
 * A window around the same point, wider or narrower, within bounds.
 * @param {{ from: number, to: number }} window
 * @param {number} factor above 1 shows more
 * @param {number} [atShare] the fixed point as a share of the window, 0 to 1
 */
export function zoomed({ from, to }, factor, atShare = 0.5) {
  const span = Math.min(120 * 86_400_000, Math.max(200, (to - from) * factor));
  const fixed = from + (to - from) * atShare;
  return { from: fixed - span * atShare, to: fixed + span * (1 - atShare) };
}
