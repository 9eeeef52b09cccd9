/** What an open run without an executor waits for, and until when, if that is known. */
import { useNow } from '../shared/clock.js';
import { jsx } from '../shared/jsx.js';
import { Time } from '../shared/parts.js';
import { waitsFor } from '../shared/words.js';

/** @import { Run } from '../types.d.ts' */

/** @param {{ run: Run }} props */
export function Waits({ run }) {
  const text = useNow((nowMs) => waitsFor(run, nowMs));
  const isEarly = useNow((nowMs) => Date.parse(run.available_at ?? '') > nowMs);
  return jsx`for ${text}${isEarly && jsx`, <${Time} at=${run.available_at} />`}`;
}
