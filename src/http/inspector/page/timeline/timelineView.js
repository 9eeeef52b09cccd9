/** The history of leadership, from a night down to the milliseconds of one takeover. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { serverNowMs, useNow } from '../shared/clock.js';
import { clockTime, duration, LOCAL_ZONE, number, wallClock } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { readOlderTerms } from '../shared/live.js';
import { Empty, Facts, Heading, Icon, Moment, Segments, Switch } from '../shared/parts.js';
import { href, setQuery } from '../shared/router.js';
import { useTopics } from '../shared/state.js';
import { zoomed } from './timeline.js';
import { Mark, TimelineChart } from './timelineChart.js';
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
const DEFAULT_SPAN = 30 * MINUTE;
const PAGE = 25;

/** @param {{ route: import('../shared/router.js').Route }} props */
export function TimelineView({ route }) {
  const { query } = route;
  const { terms, allTerms } = useTopics('terms');
  const [window, setWindow] = useState(() => windowOf(query));
  const selected = Number(query.get('term')) || null;
  const [sought, seek] = useState(/** @type {number | null} */ (null));
  /** The term selected here, or the previous selection. */
  const chosen = useRef(/** @type {number | null} */ (null));
  const nowMs = useNow((ms) => Math.floor(ms / 500) * 500);
  const span = window.to - window.from;
  const shown = window.follow ? { from: nowMs - span * 0.97, to: nowMs + span * 0.03 } : window;

  useEffect(() => {
    // A link to a term, without a window, shows its beginning and the time before.
    if (selected !== chosen.current && !query.has('from')) seek(selected);
    chosen.current = selected;
  }, [selected]);
  useEffect(() => {
    if (sought === null || terms.length === 0) return;
    const term = terms.find((each) => each.term === sought);
    if (!term && !allTerms) return void readOlderTerms();
    seek(null);
    if (term) setWindow(around(term));
  }, [terms, sought]);
  useEffect(() => {
    const oldest = terms.at(-1);
    if (oldest && !allTerms && Date.parse(oldest.began_at) > shown.from) void readOlderTerms();
  }, [terms, shown.from]);
  useEffect(() => {
    const timer = setTimeout(
      () =>
        setQuery(
          window.follow ? { from: null, to: null, span: span === DEFAULT_SPAN ? null : Math.round(span) } : {
            from: new Date(window.from).toISOString(),
            to: new Date(window.to).toISOString(),
            span: null,
          },
        ),
      250,
    );
    return () => clearTimeout(timer);
  }, [window]);

  const pan = (/** @type {number} */ share) =>
    setWindow({ from: shown.from + share * span, to: shown.to + share * span, follow: false });
  const zoom = (/** @type {number} */ factor, /** @type {number} */ at = 0.5) =>
    setWindow({ ...zoomed(shown, factor, window.follow ? 0.97 : at), follow: window.follow });
  const select = (/** @type {Term} */ { term }) => {
    chosen.current = term;
    setQuery({ term });
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const does = {
      ArrowLeft: () => pan(-0.2),
      ArrowRight: () => pan(0.2),
      '+': () => zoom(0.5),
      '-': () => zoom(2),
    }[event.key];
    if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    does();
  };
  const term = terms.find((each) => each.term === selected);
  return jsx`
    <${Heading} title="Timeline"
      lead="Who led when, how each term began and ended, and for how long nobody did." />
    <div class="toolbar">
      <${Segments} label="Span" options=${SPANS} value=${String(Math.round(span))}
        onChange=${(/** @type {string} */ ms) =>
    setWindow({
      ...zoomed(shown, Number(ms) / span, window.follow ? 0.97 : 0.5),
      follow: window.follow,
    })} />
      <div
        class="group"><button type="button" class="square" aria-label="Earlier" onClick=${() =>
    pan(-0.5)}><${Icon} name="left" /></button>
        <button type="button" class="square" aria-label="Later" onClick=${() =>
    pan(0.5)}><${Icon} name="right" /></button>
        <button type="button" class="square" aria-label="Zoom out" onClick=${() =>
    zoom(2)}><${Icon} name="minus" /></button>
        <button type="button" class="square" aria-label="Zoom in" onClick=${() =>
    zoom(0.5)}><${Icon} name="plus" /></button></div>
      <span class="spacer" />
      <span class="dim num nowrap">${wallClock(shown.from, LOCAL_ZONE).slice(0, 16)} – ${
    sameDay(shown) ? clockTime(shown.to).slice(0, 5) : wallClock(shown.to, LOCAL_ZONE).slice(0, 16)
  }</span>
      <${Switch} label="Follow" on=${window.follow} tip="Keeps the present at the right edge"
        onChange=${(/** @type {boolean} */ follow) => setWindow({ ...shown, follow })} />
    </div>
    <div class="panel flush" tabIndex="0" role="group"
      aria-label="Timeline of leadership. Arrow keys move it, plus and minus zoom." onKeyDown=${onKeyDown}>
      <${TimelineChart} from=${shown.from} to=${shown.to} selected=${selected} onSelect=${select} onPan=${pan}
        onZoom=${zoom} />
      <${Legend} />
    </div>
    ${term && jsx`<${TermPanel} term=${term} />`}
    <${TermTable} terms=${terms} selected=${selected} onShow=${(/** @type {Term} */ one) => {
    setQuery({ term: one.term });
    setWindow(around(one));
    scrollTo({ top: 0, behavior: 'smooth' });
  }} />
  `;
}

/** @param {URLSearchParams} query */
function windowOf(query) {
  const from = Date.parse(query.get('from') ?? '');
  const to = Date.parse(query.get('to') ?? '');
  if (to > from) return { from, to, follow: false };
  const span = Number(query.get('span')) || DEFAULT_SPAN;
  const now = serverNowMs();
  return { from: now - span * 0.97, to: now + span * 0.03, follow: true };
}

/** @param {Term} term */
function around({ began_at, gap_ms }) {
  const began = Date.parse(began_at);
  const span = Math.max(4000, (gap_ms ?? 0) * 8);
  return { from: began - span / 2, to: began + span / 2, follow: false };
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
    <li><svg width="14" height="12" aria-hidden="true"><rect class="gap-area" width="14" height="12" fill="url(#hatch)" /></svg>nobody leads</li>
    <li class="legend-hint">Drag to move, Ctrl + wheel to zoom</li></ul>`;
}

/** @param {{ term: Term }} props */
function TermPanel({ term }) {
  const { began_at, ended_at, began_by, ended_by, gap_ms } = term;
  const lasted = useNow((nowMs) =>
    duration((ended_at ? Date.parse(ended_at) : nowMs) - Date.parse(began_at))
  );
  return jsx`
    <section class="panel" aria-label=${`Term ${term.term}`}>
      <div
        class="panel-head"><h2>Term ${term.term}</h2><button type="button" class="ghost" onClick=${() =>
    setQuery({ term: null })}>Close</button></div>
      <${Facts} facts=${[
    ['Replica', jsx`${term.replica} <span class="dim mono">boot ${term.boot}</span>`],
    ['Began', jsx`<${Moment} at=${began_at} />`],
    ['Began by', jsx`${began_by}: ${BEGINNINGS[began_by]?.text ?? ''}`],
    ['Nobody led before', gap_ms === null ? 'it was the first' : duration(gap_ms)],
    ['Ended', ended_at ? jsx`<${Moment} at=${ended_at} />` : 'not yet: it leads now'],
    ['Ended by', ended_by ? `${ended_by}: ${ENDINGS[ended_by]?.text ?? ''}` : null],
    ['Lasted', lasted],
  ]} />
    </section>
  `;
}

/** @param {{ terms: Term[], selected: number | null, onShow: (term: Term) => void }} props */
function TermTable({ terms, selected, onShow }) {
  const [page, setPage] = useState(0);
  if (terms.length === 0) {
    return jsx`
      <${Empty} title="Nobody has led yet.">
        <p>The first replica that starts takes the lease within a second.</p>
        </${Empty}>
    `;
  }
  const pages = Math.ceil(terms.length / PAGE);
  const rows = terms.slice(page * PAGE, (page + 1) * PAGE);
  return jsx`<section aria-labelledby="all-terms"><h2 class="section" id="all-terms">Terms</h2>
    <div class="table-scroll" tabIndex="0" role="region" aria-label="Table of terms"><table class="rows tight">
      <thead><tr><th scope="col">Term</th><th scope="col">Replica</th><th scope="col">Began</th><th scope="col">How</th>
        <th scope="col" class="right">Gap before</th><th scope="col">Ended</th><th scope="col">How</th><th scope="col" class="right">Lasted</th></tr></thead>
      <tbody>${
    rows.map((term) =>
      jsx`<${TermRow} key=${term.term} term=${term} isSelected=${term.term === selected} onShow=${onShow} />`
    )
  }</tbody>
    </table></div>
    ${
    pages > 1 && jsx`<${TermPager} page=${page} pages=${pages} terms=${terms} onPage=${setPage} />`
  }</section>`;
}

/** @param {{ term: Term, isSelected: boolean, onShow: (term: Term) => void }} props */
function TermRow({ term, isSelected, onShow }) {
  const { replica, began_at, began_by, gap_ms, ended_at, ended_by } = term;
  const none = jsx`<span class="dim">–</span>`;
  const show = (/** @type {Event} */ event) => {
    event.preventDefault();
    onShow(term);
  };
  return jsx`<tr class=${isSelected ? 'selected' : ''}>
    <td class="num"><a href=${href(['timeline'], { term: term.term })} onClick=${show}>${term.term}</a></td>
    <td class="clip">${replica}</td>
    <td><${Moment} at=${began_at} bare=${true} /></td>
    <td>${began_by}</td>
    <td class=${`right num ${(gap_ms ?? 0) > 1000 ? 'warn-text' : ''}`}>${
    gap_ms === null ? none : duration(gap_ms)
  }</td>
    <td>${
    ended_at ? jsx`<${Moment} at=${ended_at} bare=${true} />` : jsx`<span class="ok-text">leads now</span>`
  }</td>
    <td class=${ENDINGS[ended_by ?? '']?.bad ? 'warn-text' : ''}>${ended_by ?? none}</td>
    <td class="right num">${
    ended_at ? duration(Date.parse(ended_at) - Date.parse(began_at)) : none
  }</td></tr>`;
}

/** @param {{ page: number, pages: number, terms: Term[], onPage: (page: number) => void }} props */
function TermPager({ page, pages, terms, onPage }) {
  const older = () => {
    if (page >= pages - 3) void readOlderTerms();
    onPage(page + 1);
  };
  return jsx`<div class="pager"><button type="button" disabled=${page === 0} onClick=${() =>
    onPage(page - 1)}>Newer</button>
    <span class="dim num">${page * PAGE + 1}–${Math.min(terms.length, (page + 1) * PAGE)} of ${
    number(terms[0]?.term ?? 0)
  }</span>
    <button type="button" disabled=${page >= pages - 1} onClick=${older}>Older</button></div>`;
}
