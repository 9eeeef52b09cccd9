/** The state machines, in full, with every transition's event and guard. */
import { Chart, useChart, usePlayed } from '../shared/chart.js';
import { jsx } from '../shared/jsx.js';
import { Heading, Segments } from '../shared/parts.js';
import { setQuery } from '../shared/router.js';
import { useTopics } from '../shared/state.js';

/** @type {[string, string, string][]} */
const MACHINES = [
  [
    'election',
    'Election',
    'One replica’s part in the election. Only the lease in the store decides.',
  ],
  ['job', 'Job', 'The work of one schedule. It exists only while there is something to do.'],
  [
    'life',
    'Life of a run',
    'What a run waits for, who acts on it, and how it ends: over all replicas and attempts.',
  ],
  ['run', 'Run', 'One attempt of a run, at its executor.'],
  ['replica', 'Replica', 'The lifecycle of one process.'],
];

/** @param {{ route: import('../shared/router.js').Route }} props */
export function MachinesView({ route }) {
  const name = MACHINES.find(([key]) => key === route.query.get('machine'))?.[0] ?? 'election';
  const text = MACHINES.find(([key]) => key === name)?.[2] ?? '';
  const { cluster } = useTopics('cluster');
  const replicas = cluster?.replicas ?? [];
  const boot = route.query.get('boot');
  const replica = replicas.find((each) => each.boot === boot) ??
    replicas.find(({ id }) => id === cluster?.leader) ?? replicas[0];
  return jsx`
    <${Heading} title="Machines" lead=${text} />
    <div
      class="toolbar"><${Segments} label="Machine" options=${
    MACHINES.map((
      [key, label],
    ) => [key, label])
  } value=${name} onChange=${(/** @type {string} */ machine) => setQuery({ machine })} />
      <span class="spacer" />
      ${
    name === 'election' && replica &&
    jsx`<label class="inline"><span>Active state of</span><select value=${replica.boot} onChange=${(
      /** @type {any} */ event,
    ) => setQuery({ boot: event.target.value })}>
        ${
      replicas.map((each) => jsx`<option key=${each.boot} value=${each.boot}>${each.id}</option>`)
    }</select></label>`
  }</div>
    <${Full} key=${`${name} ${replica?.boot}`} name=${name} replica=${
    name === 'election' ? replica : undefined
  } />
    <p
      class="dim">Drawn from the definitions in the code. Hover over a line for its events and guards.</p>
  `;
}

/** @param {{ name: string, replica: import('../types.d.ts').Replica | undefined }} props */
function Full({ name, replica }) {
  const layout = useChart(name);
  const { active, hot } = usePlayed(replica?.transitions ?? [], replica?.role ?? '');
  if (!layout) return jsx`<div class="skeleton tall" aria-busy="true" />`;
  const state = replica ? active : null;
  return jsx`
    <div class="panel chart-scroll full" tabIndex="0" role="group" aria-label="The machine">
      <${Chart} layout=${layout} active=${state} hot=${replica ? hot : null}
        label=${`Machine ${name}${state ? `: ${state}` : ''}`} />
    </div>
  `;
}
