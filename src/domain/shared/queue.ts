/**
 * A queue as a value: to put something in, or to take something out, makes a new one and leaves the old one as it was.
 * Both take constant time, on average. For that, a queue and those that came from it have one array in common, of
 * which each sees a part: the newest one adds to its end, where the others do not look.
 */
export interface Queue<T> {
  /** Owned by the functions below. */
  readonly items: T[];
  /** The part from here on, and before `to`, is the queue. */
  readonly from: number;
  readonly to: number;
}

export function queueOf<T>(items: readonly T[]): Queue<T> {
  return { items: [...items], from: 0, to: items.length };
}

export function lengthOf({ from, to }: Queue<unknown>): number {
  return to - from;
}

/** The oldest ones, so many at most. */
export function oldest<T>({ items, from, to }: Queue<T>, count: number): T[] {
  return items.slice(from, Math.min(to, from + count));
}

export function put<T>(queue: Queue<T>, item: T): Queue<T> {
  const { items, from, to } = owned(queue);
  items.push(item);
  return { items, from, to: to + 1 };
}

/** Without the oldest ones, so many at most. */
export function withoutOldest<T>({ items, from, to }: Queue<T>, count: number): Queue<T> {
  return from + count >= to ? queueOf<T>([]) : { items, from: from + count, to };
}

/**
 * The queue with an array that may be added to: another one when something was put into an older queue once more, or
 * when more of it is past than present, which happens once in as many calls as it then copies items.
 */
function owned<T>(queue: Queue<T>): Queue<T> {
  const { items, from, to } = queue;
  return items.length > to || from > to - from ? queueOf(items.slice(from, to)) : queue;
}
