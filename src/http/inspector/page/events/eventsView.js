/** The events since the page was opened, newest first. Only visible rows are in the document. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { clockTime, number } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { Held, useHeld } from '../shared/held.js';
import { Empty, Heading, Icon, Switch, Time } from '../shared/parts.js';
import { href, setQuery } from '../shared/router.js';
import { MAX_LOG, useTopics } from '../shared/state.js';
import { describe } from './sentences.js';

/** @import { LogEntry } from '../types.d.ts' */

/** @type {[string, string][]} */
const TYPES = [
  ['leader', 'Lease'],
  ['leadership', 'Terms'],
  ['replica', 'Replicas'],
  [
    'schedule',
    'Schedules',
  ],
  ['run', 'Runs'],
  ['clock', 'Clock'],
];
const ROW_PX = 34;
const SPARE_ROWS = 10;

/** @param {{ route: import('../shared/router.js').Route }} props */
export function EventsView({ route }) {
  const { log, live } = useTopics('log', 'live');
  const [follow, setFollow] = useState(true);
  const [open, setOpen] = useState(/** @type {number | null} */ (null));
  const [scrolled, setScrolled] = useState(false);
  const types = route.query.get('types')?.split(',').filter(Boolean) ?? TYPES.map(([type]) => type);
  const words = (route.query.get('q') ?? '').toLowerCase();
  const matching = log.filter((entry) =>
    types.includes(entry.type) && (words === '' || JSON.stringify(entry.data).toLowerCase().includes(words))
  ).reverse();
  const held = useHeld(matching, ({ seq }) => seq, follow && !scrolled, `${types} ${words}`);
  const { list } = held;
  const toggle = (/** @type {string} */ type) => {
    const next = types.includes(type) ? types.filter((each) => each !== type) : [...types, type];
    setQuery({ types: next.length === TYPES.length ? null : next.join(',') || 'none' });
  };
  const entry = open === null ? undefined : log.find(({ seq }) => seq === open);
  return jsx`
    <${Heading} title="Events" lead=${
    live.sinceMs
      ? jsx`Since ${clockTime(live.sinceMs)}, when this page was opened; the newest ${
        number(MAX_LOG)
      } are kept.`
      : 'Live, from now on.'
  } />
    <div class="toolbar">
      <div class="segments" role="group" aria-label="Types">${
    TYPES.map(([type, text]) =>
      jsx`<button type="button" key=${type} aria-pressed=${types.includes(type)} onClick=${() =>
        toggle(type)}>${text}</button>`
    )
  }</div>
      <label class="search"><span class="hidden">Filter by text</span><${Icon} name="search" />
        <input type="search" placeholder="Filter by text" value=${words} onInput=${(
    /** @type {any} */ event,
  ) => setQuery({ q: event.target.value })} /></label>
      <span class="spacer" />
      <${Switch} label="Follow" on=${follow} onChange=${setFollow}
        tip="Off: new events wait behind a button, as they do while the pointer is in the list." />
    </div>
    ${
    list.length === 0
      ? jsx`
        <${Empty} title=${log.length === 0 ? 'No events yet.' : 'No event matches.'}>
          <p>${
        log.length === 0
          ? jsx`
              Runs, and changes of schedules and leadership, appear here live. <a
                href="#/new">Create a schedule</a> to see one.
            `
          : 'Choose other types or another text.'
      }</p>
          </${Empty}>
      `
      : jsx`<${Held} held=${held} noun="event"><${Windowed} items=${list} onScrolled=${setScrolled} open=${open} onOpen=${setOpen} /></${Held}>`
  }
    ${entry && jsx`<${Detail} entry=${entry} onClose=${() => setOpen(null)} />`}
  `;
}

/**
 * @param {{ items: LogEntry[], onScrolled: (scrolled: boolean) => void, open: number | null, onOpen: (seq: number) => void }} props
 */
function Windowed({ items, onScrolled, open, onOpen }) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  const [view, setView] = useState({ top: 0, height: 600 });
  const measure = () => {
    const { scrollTop = 0, clientHeight = 600 } = ref.current ?? {};
    setView({ top: scrollTop, height: clientHeight });
    onScrolled(scrollTop > ROW_PX);
  };
  useEffect(() => {
    measure();
    addEventListener('resize', measure);
    return () => removeEventListener('resize', measure);
  }, []);
  const first = Math.max(0, Math.floor(view.top / ROW_PX) - SPARE_ROWS);
  const visible = items.slice(first, first + Math.ceil(view.height / ROW_PX) + 2 * SPARE_ROWS);
  return jsx`
    <div class="log" ref=${ref} onScroll=${measure} tabIndex="0" role="region" aria-label="Events">
      <ol style=${{ height: `${items.length * ROW_PX}px` }}>${
    visible.map((entry, i) =>
      jsx`
          <li key=${entry.seq} style=${{
        top: `${(first + i) * ROW_PX}px`,
      }} aria-setsize=${items.length} aria-posinset=${first + i + 1}>
            <${Row} entry=${entry} isOpen=${open === entry.seq} onOpen=${onOpen} />
          </li>
        `
    )
  }</ol>
    </div>
  `;
}

/** @param {{ entry: LogEntry, isOpen: boolean, onOpen: (seq: number) => void }} props */
function Row({ entry, isOpen, onOpen }) {
  const { text, tone, icon } = describe(entry);
  const kind = TYPES.find(([type]) => type === entry.type)?.[1].replace(/s$/, '').toLowerCase();
  return jsx`<button type="button" class="log-row" aria-expanded=${isOpen} onClick=${() => onOpen(entry.seq)}>
    <span class="num dim">${
    clockTime(entry.atMs, true)
  }</span><span class=${`tone ${tone}`}><${Icon} name=${icon} /></span>
    <span class="clip">${text}</span><span class="log-type">${kind}</span></button>`;
}

/** @param {{ entry: LogEntry, onClose: () => void }} props */
function Detail({ entry, onClose }) {
  const { type, data, atMs } = entry;
  const link = type === 'run'
    ? href(['runs', data.id])
    : type === 'schedule'
    ? href(['schedules', data.id])
    : type === 'replica' || type === 'clock'
    ? '#/cluster'
    : href(['timeline'], { term: data.term });
  return jsx`
    <section class="panel" aria-label="The event">
      <div class="panel-head"><h2>${describe(entry).text}</h2>
          <button type="button" class="ghost" onClick=${onClose}>Close</button></div>
      <p><${Time} at=${atMs} /> · <a href=${link}>Open</a></p>
      <pre tabIndex="0">${JSON.stringify(data, null, 2)}</pre>
    </section>
  `;
}
