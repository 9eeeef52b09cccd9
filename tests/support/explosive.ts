/**
 * A replica in which something is thrown that nothing catches, as soon as it hears of a schedule `bomb-WHERE`. The
 * process is the product's, but for that.
 */
import { DueQueue } from '../../src/domain/firing/dueQueue.ts';
import { JobPool } from '../../src/actors/runs/jobs.ts';

const explode = (): never => {
  throw new TypeError('it went\noff');
};

const BOMBS: Record<string, () => void> = {
  'bomb-action': explode,
  'bomb-timer': () => void setTimeout(explode, 0),
  'bomb-promise': () => void Promise.resolve().then(explode),
};

const { put } = DueQueue.prototype;
DueQueue.prototype.put = function (...args) {
  put.apply(this, args);
  BOMBS[args[0].id]?.();
};

const { claimed } = JobPool.prototype;
JobPool.prototype.claimed = function (scheduleId, ...rest) {
  if (scheduleId === 'bomb-claim') explode();
  claimed.call(this, scheduleId, ...rest);
};

await import('../../src/main.ts');
