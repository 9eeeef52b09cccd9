/** Logs stored documents that this version does not understand: each once, at a limited rate. */
import type { Clock, Logger } from '../../actors/shared/environment.ts';

/** `reason` is a sentence fragment: `state is "half", which this version does not know`. */
export type TellNotUnderstood = (collection: string, id: string, reason: string) => void;

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
): TellNotUnderstood {
  const known = new Map<string, Set<string>>();
  const lines = new Map<string, { sinceMs: number; count: number; untold: number }>();

  const isNew = (collection: string, key: string): boolean => {
    const keys = known.get(collection) ?? new Set();
    known.set(collection, keys);
    if (keys.has(key)) return false;
    if (keys.size >= REMEMBERED) keys.delete(keys.values().next().value as string);
    keys.add(key);
    return true;
  };

  return (collection, id, reason) => {
    if (!isNew(collection, `${id}\n${reason}`)) return;
    found(collection);
    const nowMs = clock.monotonic();
    let minute = lines.get(collection);
    if (minute === undefined || nowMs - minute.sinceMs >= PER_MS) {
      minute = { sinceMs: nowMs, count: 0, untold: minute?.untold ?? 0 };
      lines.set(collection, minute);
    }
    if (minute.count >= LINES) return void minute.untold++;
    minute.count++;
    const { untold } = minute;
    minute.untold = 0;
    logger.warn('a document of the database is not understood by this version, and left alone', {
      collection,
      id: id.slice(0, ID_LENGTH),
      reason,
      ...(untold > 0 && { untold }),
    });
  };
}
