/** Pages of lists, limited in items and bytes. */
import type { Page } from '../../actors/shared/page.ts';
import { encodeJson } from './responses.ts';

/** A page ends before it exceeds this, unless its first item alone does. */
const MAX_PAGE_BYTES = 1024 * 1024;

export interface PageSource<T> {
  limit: number;
  cursor: string | null;
  /** Items read at once: few enough not to block the event loop, at any item size. */
  batch: number;
  read(limit: number, cursor: string | null): Promise<Page<T>>;
  /** The views of the items, in the same order. */
  views(items: readonly T[]): Promise<unknown[]> | unknown[];
  cursorOf(item: T): string;
}

/** A page as JSON, read batch by batch, and the cursor that continues after its last item. */
export async function readBatches<T>(
  source: PageSource<T>,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; count: number; nextCursor: string | null }> {
  const { limit, batch, read, views, cursorOf } = source;
  const page = new PageBytes();
  let { cursor } = source;
  do {
    const { items, nextCursor } = await read(Math.min(batch, limit - page.count), cursor);
    for (const [index, view] of (await views(items)).entries()) {
      if (!page.add(view)) return { bytes: page.end(), count: page.count, nextCursor: cursor };
      cursor = cursorOf(items[index] as T);
    }
    cursor = nextCursor;
  } while (cursor !== null && page.count < limit);
  return { bytes: page.end(), count: page.count, nextCursor: cursor };
}

/** The items, from the first on, that fit into a page. */
export function fitting<T>(items: readonly T[]): T[] {
  const page = new PageBytes();
  return items.slice(0, items.findIndex((item) => !page.add(item)) >>> 0);
}

const OPEN = new TextEncoder().encode('[');
const COMMA = new TextEncoder().encode(',');
const CLOSE = new TextEncoder().encode(']');

/** A JSON array under construction. */
class PageBytes {
  readonly #parts: Uint8Array[] = [];
  #bytes = 2;
  count = 0;

  /** False when the item does not fit: it is left out. */
  add(item: unknown): boolean {
    const bytes = encodeJson(item);
    if (this.count > 0 && this.#bytes + bytes.length + 1 > MAX_PAGE_BYTES) return false;
    this.#parts.push(this.count === 0 ? OPEN : COMMA, bytes);
    this.#bytes += bytes.length + (this.count === 0 ? 0 : 1);
    this.count++;
    return true;
  }

  end(): Uint8Array<ArrayBuffer> {
    const parts = this.count === 0 ? [OPEN, CLOSE] : [...this.#parts, CLOSE];
    const bytes = new Uint8Array(this.#bytes);
    let offset = 0;
    for (const part of parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    return bytes;
  }
}
