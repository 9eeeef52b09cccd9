/**
 * Lists that grow at their top never move under the pointer. While the pointer or the focus is in the
 * list, or `follow` is off (in the events view also while scrolled down), new items are held back
 * behind a button.
 */
import { useRef, useState } from 'preact/hooks';
import { jsx } from './jsx.js';
import { plural } from './format.js';

/**
 * @template T
 * @param {T[]} items newest first
 * @param {(item: T) => string | number} keyOf
 * @param {boolean} follow
 * @param {string} scope identifies the list: when it changes, nothing is held
 */
export function useHeld(items, keyOf, follow, scope) {
  const visible = useRef(items);
  const visibleScope = useRef(scope);
  const [busy, setBusy] = useState(false);
  const hold = (busy || !follow) && visible.current.length > 0 && visibleScope.current === scope;
  if (!hold) visible.current = items;
  visibleScope.current = scope;
  const known = hold ? new Set(visible.current.map(keyOf)) : null;
  const waiting = known ? items.filter((item) => !known.has(keyOf(item))).length : 0;
  // Visible items may change their content, but not their place.
  const fresh = hold ? new Map(items.map((item) => [keyOf(item), item])) : null;
  const list = fresh ? visible.current.map((item) => fresh.get(keyOf(item)) ?? item) : items;
  return {
    list,
    waiting,
    release() {
      visible.current = items;
      setBusy(false);
    },
    /** Handlers for the element around the list. */
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
 * A list and the button for its held items. The button overlaps the list's edge, so that it moves
 * nothing and the pointer reaches it without leaving the list.
 * @param {{ held: { waiting: number, release: () => void, watch: object }, noun: string, children?: any }} props
 */
export function Held({ held: { waiting, release, watch }, noun, children }) {
  return jsx`<div class="held" ...${watch}>${
    waiting > 0 &&
    jsx`<button type="button" class="pill" onClick=${release}>Show ${plural(waiting, `new ${noun}`)}</button>`
  }
    ${children}</div>`;
}
