/** When a schedule fires next, counting down. */
import { useNow } from './clock.js';
import { goDuration, wholeDuration } from './format.js';
import { jsx } from './jsx.js';
import { Badge } from './parts.js';
import { nextFireMs } from './words.js';

/** @import { Schedule } from './types.d.ts' */

/** A countdown of less would only flicker. */
const FAST_MS = 2000;

/** @param {{ schedule: Schedule }} props */
export function NextFire({ schedule }) {
  const everyMs = schedule.type === 'duration' ? goDuration(schedule.definition.interval ?? '') : null;
  const text = useNow((nowMs) => {
    const next = nextFireMs(schedule, nowMs);
    if (next === undefined) return 'now';
    return next === null ? '' : next - nowMs < 1000 ? 'now' : `in ${wholeDuration(next - nowMs)}`;
  });
  if (schedule.paused) return jsx`<${Badge} look=${{ label: 'paused', tone: 'warn', icon: 'pause' }} />`;
  if (text === '' || schedule.completed) return jsx`<span class="dim">completed</span>`;
  if (everyMs !== null && everyMs < FAST_MS) return jsx`<span class="dim">all the time</span>`;
  const at = schedule.next_fire_at ? Date.parse(schedule.next_fire_at) : NaN;
  // What the server told is stale by now where the countdown is computed here.
  const told = Number.isNaN(at) || everyMs !== null ? undefined : at;
  return jsx`<span class="num" data-at=${told} data-zone=${schedule.definition.timezone}>${text}</span>`;
}
