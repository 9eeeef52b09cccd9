/**
 * An immutable queue: adding or removing items returns a new queue and leaves the old one
 * unchanged, in amortised constant time. A queue and those derived from it share one array, of
 * which each sees a range. The newest appends to its end, outside the ranges of the others.
 */
export interface Queue<T> {
  /** Only the functions below may change it. */
  readonly items: T[];
  /** The queue is the range from here up to, not including, `to`. */
  readonly from: number;
  readonly to: number;
}

export function queueOf<T>(items: readonly T[]): Queue<T> {
  return { items: [...items], from: 0, to: items.length };
}

export function lengthOf({ from, to }: Queue<unknown>): number {
  return to - from;
}

/** The oldest items, at most `count`. */
export function oldest<T>({ items, from, to }: Queue<T>, count: number): T[] {
  return items.slice(from, Math.min(to, from + count));
}

export function put<T>(queue: Queue<T>, item: T): Queue<T> {
  const { items, from, to } = owned(queue);
  items.push(item);
  return { items, from, to: to + 1 };
}

/** Without the oldest items, at most `count`. */
export function withoutOldest<T>({ items, from, to }: Queue<T>, count: number): Queue<T> {
  return from + count >= to ? queueOf<T>([]) : { items, from: from + count, to };
}

/**
 * The queue with an array that it may append to. Copies the items if a newer queue has appended
 * already, or if past items outnumber present ones: that happens once in as many calls as it copies
 * items.
 */
function owned<T>(queue: Queue<T>): Queue<T> {
  const { items, from, to } = queue;
  return items.length > to || from > to - from ? queueOf(items.slice(from, to)) : queue;
}
