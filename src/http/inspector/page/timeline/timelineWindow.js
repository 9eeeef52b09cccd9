/** The window of time that the timeline shows. It follows the present or is fixed, and is part of the address. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { serverNowMs, useNow } from '../shared/clock.js';
import { readOlderTerms } from '../shared/live.js';
import { setQuery } from '../shared/router.js';
import { useTopics } from '../shared/state.js';
import { zoomed } from './timeline.js';

/** @import { Term } from '../types.d.ts' */

const DEFAULT_SPAN_MS = 30 * 60_000;
/** Where the present is while the window follows it, as a share of the window. */
const PRESENT_AT = 0.97;
const ADDRESS_DELAY_MS = 250;

/** @param {URLSearchParams} query */
export function useTimelineWindow(query) {
  const { terms, allTerms } = useTopics('terms');
  const [window, setWindow] = useState(() => windowOf(query));
  const nowMs = useNow((ms) => Math.floor(ms / 500) * 500);
  const { follow } = window;
  const spanMs = window.to - window.from;
  const visible = follow ? followed(nowMs, spanMs) : { from: window.from, to: window.to };
  useEffect(() => {
    const oldest = terms.at(-1);
    if (oldest && !allTerms && Date.parse(oldest.began_at) > visible.from) void readOlderTerms();
  }, [terms, visible.from]);
  useEffect(() => {
    const timer = setTimeout(() => setQuery(queryOf(window)), ADDRESS_DELAY_MS);
    return () => clearTimeout(timer);
  }, [window]);
  return {
    visible,
    spanMs,
    follow,
    /** @param {boolean} on */
    setFollow: (on) => setWindow({ ...visible, follow: on }),
    /** @param {number} share of the window */
    pan: (share) =>
      setWindow({ from: visible.from + share * spanMs, to: visible.to + share * spanMs, follow: false }),
    /** @param {number} factor @param {number} [at] the fixed point, as a share of the window */
    zoom: (factor, at = 0.5) => setWindow({ ...zoomed(visible, factor, follow ? PRESENT_AT : at), follow }),
    /** @param {Term} term */
    showTerm: (term) => setWindow(around(term)),
  };
}

/**
 * The selected term, and the function that selects one without moving the window. A link to a term,
 * without a window, shows its beginning and the time before.
 * @param {URLSearchParams} query
 * @param {(term: Term) => void} showTerm
 */
export function useSelectedTerm(query, showTerm) {
  const { terms, allTerms } = useTopics('terms');
  const selected = Number(query.get('term')) || null;
  const [wanted, setWanted] = useState(/** @type {number | null} */ (null));
  /** The term selected here, or the previous selection. */
  const handled = useRef(/** @type {number | null} */ (null));
  useEffect(() => {
    if (selected !== handled.current && !query.has('from')) setWanted(selected);
    handled.current = selected;
  }, [selected]);
  useEffect(() => {
    if (wanted === null || terms.length === 0) return;
    const term = terms.find((each) => each.term === wanted);
    if (!term && !allTerms) return void readOlderTerms();
    setWanted(null);
    if (term) showTerm(term);
  }, [terms, wanted]);
  const select = (/** @type {Term} */ { term }) => {
    handled.current = term;
    setQuery({ term });
  };
  return { selected, select };
}

/** @param {URLSearchParams} query */
function windowOf(query) {
  const from = Date.parse(query.get('from') ?? '');
  const to = Date.parse(query.get('to') ?? '');
  if (to > from) return { from, to, follow: false };
  return { ...followed(serverNowMs(), Number(query.get('span')) || DEFAULT_SPAN_MS), follow: true };
}

/** @param {{ from: number, to: number, follow: boolean }} window */
function queryOf({ from, to, follow }) {
  const spanMs = to - from;
  return follow
    ? { from: null, to: null, span: spanMs === DEFAULT_SPAN_MS ? null : Math.round(spanMs) }
    : { from: new Date(from).toISOString(), to: new Date(to).toISOString(), span: null };
}

/** @param {number} nowMs @param {number} spanMs */
function followed(nowMs, spanMs) {
  const to = nowMs + Math.round(spanMs * (1 - PRESENT_AT));
  return { from: to - spanMs, to };
}

/** @param {Term} term */
function around({ began_at, gap_ms }) {
  const began = Date.parse(began_at);
  const span = Math.max(4000, (gap_ms ?? 0) * 8);
  return { from: began - span / 2, to: began + span / 2, follow: false };
}
