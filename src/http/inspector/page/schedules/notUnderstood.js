/** Records stored by another version, or by hand, that the answering replica's version does not act on. */
import { jsx } from '../shared/jsx.js';
import { Badge, Icon } from '../shared/parts.js';
import { NOT_UNDERSTOOD } from '../shared/words.js';

/** In a row of a list. @param {{ reason: string }} props */
export function Reason({ reason }) {
  return jsx`
    <span class="reason"><${Badge} look=${NOT_UNDERSTOOD} /><span class="dim wrap">by this version: ${reason}</span></span>
  `;
}

/** On its own page. @param {{ what: string, reason: string, children?: any }} props */
export function ReasonNote({ what, reason, children }) {
  return jsx`
    <div class="note warn long"><${Icon} name=${NOT_UNDERSTOOD.icon} />
      <div><p class="wrap"><strong>This version does not understand the ${what}:</strong> ${reason}.</p>${children}</div>
    </div>
  `;
}
