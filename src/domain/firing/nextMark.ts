import { later, MAX_SET_ASIDE, type Watermark } from '../leadership/watermark.ts';
import type { DueQueue } from './dueQueue.ts';

/** What a replica knows of the progress of firing. */
export interface Progress {
  queue: DueQueue;
  /** The lease's watermark. */
  mark: Watermark;
  /** The mirror is complete up to here, epoch ms. */
  mirroredMs: number;
}

/**
 * The watermark to write `now`, with a renewal; or once everything in the claim is `claimed`.
 * While our mirror is less complete than the last leader's was, the lease may count schedules as
 * known that we don't know: the watermark stays until we have caught up. It also stays while more
 * schedules are set aside than a watermark can name.
 */
export function nextMark(
  { queue, mark, mirroredMs }: Progress,
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
