/** The ended attempts of a run, newest first, each with its error. */
import { duration } from '../shared/format.js';
import { jsx } from '../shared/jsx.js';
import { Badge, Moment } from '../shared/parts.js';
import { attemptLook } from '../shared/words.js';

/** @import { Attempt } from '../types.d.ts' */

/** @param {{ attempts: Attempt[] }} props oldest first */
export function Attempts({ attempts }) {
  const omitted = (attempts[0]?.number ?? 1) - 1;
  return jsx`<section class="panel" aria-labelledby="attempts"><h2 id="attempts">Attempts</h2>
    <div class="table-scroll" tabIndex="0" role="region" aria-label="Ended attempts">
      <table class="rows">
        <thead><tr><th scope="col" class="right">Attempt</th><th scope="col">State</th><th scope="col">Started</th>
          <th scope="col" class="right">Took</th><th scope="col">Executor</th><th scope="col" class="wide">Error</th></tr></thead>
        <tbody>${
    attempts.toReversed().map((attempt) => jsx`<${Row} key=${attempt.number} attempt=${attempt} />`)
  }${
    omitted > 0 &&
    jsx`<tr><td colspan="6" class="dim">Earlier attempts are not kept.</td></tr>`
  }</tbody>
      </table>
    </div></section>`;
}

/** @param {{ attempt: Attempt }} props */
function Row({ attempt }) {
  const { number, executor, started_at, finished_at, error } = attempt;
  const none = jsx`<span class="dim">–</span>`;
  const took = started_at ? duration(Date.parse(finished_at) - Date.parse(started_at)) : none;
  return jsx`<tr>
    <td class="num right">${number}</td><td><${Badge} look=${attemptLook(attempt)} /></td>
    <td class="nowrap"><${Moment} at=${started_at} /></td><td class="num right nowrap">${took}</td>
    <td class="nowrap">${executor || none}</td><td class="wide"><span class="wrap">${error}</span></td></tr>`;
}
