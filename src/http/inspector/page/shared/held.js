/**
 * Lists that grow at their top never move under a person's hand: while the pointer or the focus is in the
 * list, or it is scrolled down, or `follow` is off, what is new waits behind a button.
 */
import { useRef, useState } from 'preact/hooks';
import { jsx } from './jsx.js';
import { plural } from './format.js';

/**
 * @template T
 * @param {T[]} items newest first
 * @param {(item: T) => string | number} keyOf
 * @param {boolean} follow
 * @param {string} scope what the list is of: when that changes, nothing is held
 */
export function useHeld(items, keyOf, follow, scope) {
  const shown = useRef(items);
  const shownOf = useRef(scope);
  const [busy, setBusy] = useState(false);
  const hold = (busy || !follow) && shown.current.length > 0 && shownOf.current === scope;
  if (!hold) shown.current = items;
  shownOf.current = scope;
  const known = hold ? new Set(shown.current.map(keyOf)) : null;
  const waiting = known ? items.filter((item) => !known.has(keyOf(item))).length : 0;
  // What is shown already may change its content, but not its place.
  const fresh = hold ? new Map(items.map((item) => [keyOf(item), item])) : null;
  const list = fresh ? shown.current.map((item) => fresh.get(keyOf(item)) ?? item) : items;
  return {
    list,
    waiting,
    release() {
      shown.current = items;
      setBusy(false);
    },
    /** For the element around the list. */
    watch: {
      onPointerEnter: (/** @type {PointerEvent} */ event) => event.pointerType === 'mouse' && setBusy(true),
      onPointerLeave: () => setBusy(false),
      onFocusIn: () => setBusy(true),
      onFocusOut: (/** @type {FocusEvent} */ event) => {
        const { currentTarget, relatedTarget } = event;
        if (!(/** @type {Element} */ (currentTarget).contains(/** @type {Node | null} */ (relatedTarget)))) {
          setBusy(false);
        }
      },
    },
  };
}

/**
 * A list and the button to what waits, which lies over its edge so that it moves nothing, and which the pointer
 * can reach without leaving the list.
 * @param {{ held: { waiting: number, release: () => void, watch: object }, noun: string, children?: any }} props
 */
export function Held({ held: { waiting, release, watch }, noun, children }) {
  return jsx`<div class="held" ...${watch}>${
    waiting > 0 &&
    jsx`<button type="button" class="pill" onClick=${release}>Show ${plural(waiting, `new ${noun}`)}</button>`
  }
    ${children}</div>`;
}
