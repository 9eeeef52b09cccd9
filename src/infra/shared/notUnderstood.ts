/** Logs stored documents that this version does not understand: each once, at a limited rate. */
import type { Clock, Logger } from '../../actors/shared/environment.ts';

/** `reason` is a sentence fragment: `state is "half", which this version does not know`. */
export type ReportNotUnderstood = (collection: string, id: string, reason: string) => void;

/** Entries remembered per collection. The oldest is evicted, and logged again if it recurs. */
const REMEMBERED = 1000;
const LINES = 20;
const PER_MS = 60_000;
const ID_LENGTH = 200;

/** Calls `found` with the collection of each new entry, logged or not. */
export function notUnderstoodLog(
  logger: Logger,
  clock: Clock,
  found: (collection: string) => void = () => {},
): ReportNotUnderstood {
  const reported = new Map<string, Set<string>>();
  const minutes = new Map<string, { sinceMs: number; count: number; suppressed: number }>();

  const isNew = (collection: string, key: string): boolean => {
    const keys = reported.get(collection) ?? new Set();
    reported.set(collection, keys);
    if (keys.has(key)) return false;
    if (keys.size >= REMEMBERED) keys.delete(keys.values().next().value as string);
    keys.add(key);
    return true;
  };

  return (collection, id, reason) => {
    if (!isNew(collection, `${id}\n${reason}`)) return;
    found(collection);
    const nowMs = clock.monotonic();
    let minute = minutes.get(collection);
    if (minute === undefined || nowMs - minute.sinceMs >= PER_MS) {
      minute = { sinceMs: nowMs, count: 0, suppressed: minute?.suppressed ?? 0 };
      minutes.set(collection, minute);
    }
    if (minute.count >= LINES) return void minute.suppressed++;
    minute.count++;
    const { suppressed } = minute;
    minute.suppressed = 0;
    logger.warn('this version does not understand a stored document, and ignores it', {
      collection,
      id: id.slice(0, ID_LENGTH),
      reason,
      ...(suppressed > 0 && { suppressed }),
    });
  };
}
