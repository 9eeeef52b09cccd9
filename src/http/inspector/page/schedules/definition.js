/** A schedule's definition, as facts and as JSON. */
import { number } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { NextFire } from './nextFire.js';
import { Facts, Moment } from '../shared/parts.js';
import { href } from '../shared/router.js';
import { spaced, timing } from '../shared/words.js';

/** @import { Schedule } from '../types.d.ts' */

/** @param {{ schedule: Schedule, isDeleted: boolean }} props */
export function Definition({ schedule, isDeleted }) {
  const {
    type,
    definition,
    description,
    tags,
    policy,
    history,
    action,
    start_at,
    end_at,
    jitter,
    max_runs,
    delete_after,
    created_at,
    updated_at,
    revision,
  } = schedule;
  const zone = definition.timezone;
  return jsx`
    <${Facts} facts=${[
    [
      'Fires',
      jsx`<span class="type">${type.replace('_', ' ')}</span> <span class="mono">${timing(schedule)}</span>`,
    ],
    ['Next', isDeleted ? null : jsx`<${NextFire} schedule=${schedule} />`],
    ['Description', schedule.name ? description : null],
    ['Action', actionText(action)],
    ['Not before', start_at ? jsx`<${Moment} at=${start_at} zone=${zone} />` : null],
    ['Not after', end_at ? jsx`<${Moment} at=${end_at} zone=${zone} />` : null],
    ['Jitter', jitter ? `up to ${jitter}` : null],
    ['Runs', max_runs ? `${number(max_runs)} at most` : null],
    ['Policy', jsx`<${PolicyList} policy=${policy} />`],
    ['Deleted', delete_after ? `${delete_after} after its completion` : null],
    ['Retention', `${history.success}, failures ${history.failure}`],
    ['Tags', tags && Object.keys(tags).length > 0 ? jsx`<${Tags} tags=${tags} />` : null],
    ['Created', jsx`<${Moment} at=${created_at} />`],
    [
      'Changed',
      revision > 1 ? jsx`<${Moment} at=${updated_at} /> <span class="dim">revision ${revision}</span>` : null,
    ],
  ]} />
    <details>
      <summary>As JSON</summary>
      <pre>${
    JSON.stringify(
      schedule,
      (key, value) => ['last_run', 'recent_runs'].includes(key) ? undefined : value,
      2,
    )
  }</pre>
    </details>
  `;
}

/** @param {{ policy: Schedule['policy'] }} props */
function PolicyList({ policy }) {
  return jsx`<ul class="plain">${
    Object.entries(policy).filter(([, value]) => value !== null).map(([key, value]) =>
      jsx`<li key=${key}>${spaced(key)}: <span class="mono">${
        key === 'retry' ? retryText(value) : typeof value === 'object' ? JSON.stringify(value) : String(value)
      }</span></li>`
    )
  }</ul>`;
}

/** @param {any} retry */
function retryText({ max_attempts, initial_backoff, multiplier, max_backoff }) {
  if (max_attempts === 1) return 'none';
  return `${max_attempts} attempts, back-off ${initial_backoff} × ${multiplier}, at most ${max_backoff}`;
}

/** @param {Schedule['action']} action */
function actionText({ type, method, url, takes, fails }) {
  return [
    type,
    url && `${method} ${url}`,
    takes && `takes ${takes}`,
    fails && `${Math.round(fails * 100)} % fail`,
  ].filter(Boolean).join(
    ', ',
  );
}

/** Each tag links to the schedules that have it. @param {{ tags: Record<string, string>, most?: number }} props */
export function Tags({ tags, most }) {
  return Object.entries(tags).slice(0, most).map(([key, value]) =>
    jsx`<a key=${key} class="tag" href=${
      href(['schedules'], { tag: `${key}:${value}` })
    }>${key}: ${value}</a>`
  );
}
