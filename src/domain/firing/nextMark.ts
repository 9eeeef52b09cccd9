import { later, MAX_SET_ASIDE, type Watermark } from '../leadership/watermark.ts';
import type { Progress } from './progress.ts';

/**
 * The watermark to write `now`, with a renewal; or once everything in the claim is `claimed`.
 * While our mirror is less complete than the last leader's was, the lease may count schedules as
 * known that we don't know: the watermark stays until we have caught up. It also stays while more
 * schedules are set aside than a watermark can name.
 */
export function nextMark(
  { queue, mark, mirroredMs }: Pick<Progress, 'queue' | 'mark' | 'mirroredMs'>,
  nowMs: number,
  when: 'now' | 'claimed',
): Watermark {
  if (mirroredMs < mark.mirroredThroughMs || queue.setAside.size > MAX_SET_ASIDE) return mark;
  return later(mark, {
    claimedThroughMs: queue.settledThroughMs(nowMs, when),
    mirroredThroughMs: mirroredMs,
    ...(queue.setAside.size > 0 && { setAside: new Map(queue.setAside) }),
  });
}
