/** The next fire of a schedule, counting down. */
import { useNow } from '../shared/clock.js';
import { goDuration, wholeDuration } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { Badge } from '../shared/parts.js';
import { isCompleted, nextFireMs } from '../shared/words.js';

/** @import { Schedule } from '../types.d.ts' */
/** @import { Look } from '../shared/words.js' */

/** Below this interval a countdown would only flicker. */
const FAST_MS = 2000;
/** @type {Look} */
const PAUSED = { label: 'paused', tone: 'warn', icon: 'pause' };
/** @type {Look} */
const COMPLETED = { label: 'completed', tone: 'idle', icon: 'check' };

/** @param {{ schedule: Schedule }} props */
export function NextFire({ schedule }) {
  const everyMs = schedule.type === 'duration' ? goDuration(schedule.definition.interval ?? '') : null;
  const isOver = useNow((nowMs) => isCompleted(schedule, nowMs));
  const text = useNow((nowMs) => {
    const next = nextFireMs(schedule, nowMs);
    if (next === undefined) return 'now';
    return next === null ? '' : next - nowMs < 1000 ? 'now' : `in ${wholeDuration(next - nowMs)}`;
  });
  if (isOver) {
    return jsx`<${Badge} look=${COMPLETED} />${schedule.paused && jsx` <${Badge} look=${PAUSED} />`}`;
  }
  if (schedule.paused) return jsx`<${Badge} look=${PAUSED} />`;
  if (everyMs !== null && everyMs < FAST_MS) return jsx`<span class="dim">continuously</span>`;
  const at = schedule.next_fire_at ? Date.parse(schedule.next_fire_at) : NaN;
  // The server's value is stale where the countdown is computed here.
  const tipAt = Number.isNaN(at) || everyMs !== null ? undefined : at;
  return jsx`<span class="num" data-at=${tipAt} data-zone=${schedule.definition.timezone}>${text}</span>`;
}
