/** An entry of a heap. The heap maintains `heapIndex`, to move or remove an entry in O(log n). */
export interface HeapEntry {
  dueMs: number;
  /** -1 outside of a heap. */
  heapIndex: number;
}

/** A binary heap by `dueMs`, earliest first. */
export class Heap<T extends HeapEntry> {
  readonly #entries: T[] = [];

  get size(): number {
    return this.#entries.length;
  }

  peek(): T | undefined {
    return this.#entries[0];
  }

  push(entry: T): void {
    this.#place(entry, this.#entries.length);
    this.#up(entry);
  }

  pop(): T | undefined {
    const top = this.#entries[0];
    if (top !== undefined) this.remove(top);
    return top;
  }

  /** Does nothing when the entry is not in the heap. */
  remove(entry: T): void {
    const index = entry.heapIndex;
    if (index < 0) return;
    entry.heapIndex = -1;
    const last = this.#entries.pop() as T;
    if (last === entry) return;
    this.#place(last, index);
    this.#up(last);
    this.#down(last);
  }

  #place(entry: T, index: number): void {
    this.#entries[index] = entry;
    entry.heapIndex = index;
  }

  #up(entry: T): void {
    while (entry.heapIndex > 0) {
      const parent = this.#entries[(entry.heapIndex - 1) >> 1] as T;
      if (parent.dueMs <= entry.dueMs) return;
      this.#swap(entry, parent);
    }
  }

  #down(entry: T): void {
    for (;;) {
      const left = this.#entries[entry.heapIndex * 2 + 1];
      const right = this.#entries[entry.heapIndex * 2 + 2];
      const child = right !== undefined && right.dueMs < (left as T).dueMs ? right : left;
      if (child === undefined || child.dueMs >= entry.dueMs) return;
      this.#swap(child, entry);
    }
  }

  #swap(a: T, b: T): void {
    const index = a.heapIndex;
    this.#place(a, b.heapIndex);
    this.#place(b, index);
  }
}
