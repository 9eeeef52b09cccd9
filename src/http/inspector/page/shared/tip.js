/**
 * One box that shows the `data-tip` of the element under the pointer or the focus, or, for a moment
 * (`data-at`), the time in UTC, local time, and in `data-zone`.
 */
import { allZones } from './format.js';

export function installTips() {
  const box = document.createElement('div');
  box.className = 'tip';
  box.setAttribute('role', 'tooltip');
  box.hidden = true;
  document.body.append(box);
  /** @param {Event} event */
  const show = (event) => {
    const target = event.target instanceof Element ? event.target.closest('[data-tip], [data-at]') : null;
    const text = target && textOf(target);
    box.hidden = !text;
    if (!target || !text) return;
    box.textContent = text;
    const at = target.getBoundingClientRect();
    // Over a chart, the pointer is more precise than the element.
    const x = event instanceof PointerEvent && target instanceof SVGElement
      ? event.clientX
      : at.left + at.width / 2;
    const half = box.offsetWidth / 2 + 8;
    box.style.left = `${Math.min(Math.max(x, half), innerWidth - half)}px`;
    const below = at.top < box.offsetHeight + 12;
    box.style.top = `${below ? at.bottom + 8 : at.top - box.offsetHeight - 8}px`;
  };
  const hide = () => (box.hidden = true);
  document.addEventListener('pointerover', show);
  document.addEventListener('focusin', show);
  document.addEventListener('focusout', hide);
  document.addEventListener('pointerdown', (event) => event.pointerType === 'touch' ? show(event) : hide());
  addEventListener('scroll', hide, true);
  addEventListener('hashchange', hide);
  document.addEventListener('keydown', (event) => event.key === 'Escape' && hide());
}

/** @param {Element} target */
function textOf(target) {
  const at = target.getAttribute('data-at');
  return at
    ? allZones(Number(at), target.getAttribute('data-zone') ?? undefined)
    : target.getAttribute('data-tip');
}
