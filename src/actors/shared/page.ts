/** One page of a list. */
export interface Page<T> {
  items: T[];
  /** Cursor of the next page; null on the last one. */
  nextCursor: string | null;
}
