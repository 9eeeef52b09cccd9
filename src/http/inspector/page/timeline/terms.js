/** Terms in detail: the selected one, and the table of all. */
import { useState } from 'preact/hooks';
import { useNow } from '../shared/clock.js';
import { duration, number } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { readOlderTerms } from '../shared/live.js';
import { Empty, Facts, Moment } from '../shared/parts.js';
import { href, setQuery } from '../shared/router.js';
import { BEGINNINGS, ENDINGS } from '../shared/words.js';

/** @import { Term } from '../types.d.ts' */

const PAGE = 25;

/** @param {{ term: Term }} props */
export function TermPanel({ term }) {
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
    ['Without a leader before', gap_ms === null ? '– (the first term)' : duration(gap_ms)],
    ['Ended', ended_at ? jsx`<${Moment} at=${ended_at} />` : 'not yet: current term'],
    ['Ended by', ended_by ? `${ended_by}: ${ENDINGS[ended_by]?.text ?? ''}` : null],
    ['Lasted', lasted],
  ]} />
    </section>
  `;
}

/** @param {{ terms: Term[], selected: number | null, onShow: (term: Term) => void }} props */
export function TermTable({ terms, selected, onShow }) {
  const [page, setPage] = useState(0);
  if (terms.length === 0) {
    return jsx`
      <${Empty} title="There has been no leader yet.">
        <p>The first replica acquires the lease within a second of its start.</p>
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
    ended_at ? jsx`<${Moment} at=${ended_at} bare=${true} />` : jsx`<span class="ok-text">current</span>`
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
