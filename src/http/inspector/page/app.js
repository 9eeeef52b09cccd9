/** The frame around every view: navigation, the live status, and the colour theme. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useNow } from './shared/clock.js';
import { ClusterView } from './cluster/clusterView.js';
import { EventsView } from './events/eventsView.js';
import { clockTime, wholeDuration } from './shared/format.js';
import { FormView } from './form/formView.js';
import { jsx } from './shared/jsx.js';
import { LatenessView } from './lateness/latenessView.js';
import { MachinesView } from './machines/machinesView.js';
import { Empty, Heading, Icon } from './shared/parts.js';
import { href, useRoute } from './shared/router.js';
import { RunsView } from './runs/runsView.js';
import { RunView } from './runs/runView.js';
import { SchedulesView } from './schedules/schedulesView.js';
import { ScheduleView } from './schedules/scheduleView.js';
import { useTopics } from './shared/state.js';
import { TimelineView } from './timeline/timelineView.js';
import { Toasts } from './shared/toasts.js';

const NAV = [
  ['cluster', 'Cluster'],
  ['timeline', 'Timeline'],
  ['schedules', 'Schedules'],
  ['runs', 'Runs'],
  ['lateness', 'Lateness'],
  ['events', 'Events'],
  ['machines', 'Machines'],
];

export function App() {
  const route = useRoute();
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  const place = [route.name, route.id, route.action].join('/');
  const before = useRef(place);
  useEffect(scrollToCurrent, []);
  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    scrollTo(0, 0);
    scrollToCurrent();
    main.current?.querySelector('h1')?.focus({ preventScroll: true });
  }, [place]);
  return jsx`
    <a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => {
    event.preventDefault();
    main.current?.querySelector('h1')?.focus();
  }}>Skip to the content</a>
    <header class="top">
      <a class="brand" href="#/cluster"><span class="mark" aria-hidden="true" />hascheduler</a>
      <nav aria-label="Views">${
    NAV.map(([name = '', text]) =>
      jsx`<a key=${name} href=${href([name])} aria-current=${
        route.name === name || (name === 'schedules' && route.name === 'new') ? 'page' : undefined
      }>${text}</a>`
    )
  }</nav>
      <${LiveStatus} />
      <${ThemeSwitch} />
    </header>
    <main id="main" ref=${main}>
      <${View} key=${place} route=${route} />
    </main>
    <${Toasts} />
  `;
}

/** On a phone, the link of the present view may be off the screen. */
function scrollToCurrent() {
  document.querySelector('nav [aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' });
}

/** @param {{ route: import('./shared/router.js').Route }} props */
function View({ route }) {
  const { name, id, action } = route;
  if (name === 'cluster') return jsx`<${ClusterView} />`;
  if (name === 'timeline') return jsx`<${TimelineView} route=${route} />`;
  if (name === 'schedules' && id && action === 'edit') return jsx`<${FormView} id=${id} />`;
  if (name === 'schedules' && id) return jsx`<${ScheduleView} id=${id} route=${route} />`;
  if (name === 'schedules') return jsx`<${SchedulesView} route=${route} />`;
  if (name === 'new') return jsx`<${FormView} id=${null} />`;
  if (name === 'runs' && id) return jsx`<${RunView} id=${id} />`;
  if (name === 'runs') return jsx`<${RunsView} route=${route} />`;
  if (name === 'lateness') return jsx`<${LatenessView} route=${route} />`;
  if (name === 'events') return jsx`<${EventsView} route=${route} />`;
  if (name === 'machines') return jsx`<${MachinesView} route=${route} />`;
  return jsx`
    <${Heading} title="Not found" />
    <${Empty} title="There is no view at this address.">
      <p>It may belong to another version. <a href="#/cluster">Go to the cluster</a></p>
      </${Empty}>
  `;
}

/** Whether the page is live, and the age of its data. */
function LiveStatus() {
  const { live } = useTopics('live');
  const age = useNow(() => Math.floor((Date.now() - live.heardMs) / 1000));
  const asOf = live.heardMs === 0 ? '' : clockTime(live.heardMs);
  const old = age > 6 ? ` (${wholeDuration(age * 1000)} old)` : '';
  const look = {
    connecting: { text: 'Connecting …', tone: 'warn', icon: 'ring' },
    live: { text: `Live`, tone: 'ok', icon: 'dot' },
    reconnecting: { text: 'Reconnecting …', tone: 'warn', icon: 'loop' },
    polling: { text: 'Not live', tone: 'bad', icon: 'alert' },
  }[live.status];
  const tip = live.status === 'live'
    ? `Events arrive live, from ${live.replica}.`
    : 'Not receiving events. The missed ones follow as soon as a replica responds.';
  return jsx`<div class=${`live ${look.tone}`} data-tip=${tip}>
    <span class="live-word" role="status"><${Icon} name=${look.icon} />${look.text}</span>
    ${asOf && jsx`<span class="as-of num">data as of ${asOf}${old}</span>`}</div>`;
}

const THEMES = /** @type {const} */ (['auto', 'light', 'dark']);

function ThemeSwitch() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? 'auto');
  const next = THEMES[(THEMES.indexOf(/** @type {'auto'} */ (theme)) + 1) % THEMES.length] ?? 'auto';
  const choose = () => {
    setTheme(next);
    if (next === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem('theme', next);
    } catch {
      // The choice then applies to this page only.
    }
  };
  const icon = { auto: 'auto', light: 'sun', dark: 'moon' }[/** @type {'auto'} */ (theme)];
  return jsx`
    <button type="button" class="ghost square" onClick=${choose} aria-label=${`Colours: ${theme}. Change to ${next}`}
      data-tip=${`Colours: ${theme}`}><${Icon} name=${icon} /></button>
  `;
}
