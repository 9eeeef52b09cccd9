/**
 * Cursors of lists: the key of a page's last item, as an opaque string. The next page starts after
 * that key, so items added or removed in between neither repeat nor hide others.
 */

import { brokenUnicode } from './text.ts';

/** The client's `cursor` was not issued by this API. */
export class BadCursor extends Error {
  override name = 'BadCursor';
}

type KeyPart = 'string' | 'number';

/** The keys of the lists: an id; a time and an id. */
export const SCHEDULE_KEY = ['string'] as const;
export const RUN_KEY = ['number', 'string'] as const;

type Key<S extends readonly KeyPart[]> = { [I in keyof S]: S[I] extends 'string' ? string : number };

/** The cursor after this schedule. */
export function scheduleCursor({ id }: { id: string }): string {
  return encodeCursor([id]);
}

/** The cursor after this run. */
export function runCursor({ scheduled_for, id }: { scheduled_for: Date; id: string }): string {
  return encodeCursor([scheduled_for.getTime(), id]);
}

/** The cursor after this backfill: a `RUN_KEY`, too. */
export function backfillCursor({ created_at, id }: { created_at: Date; id: string }): string {
  return encodeCursor([created_at.getTime(), id]);
}

/** base64url of the key's JSON. */
export function encodeCursor(key: readonly (string | number)[]): string {
  const bytes = new TextEncoder().encode(JSON.stringify(key));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The key, with one part per type of `shape`; throws `BadCursor`. */
export function decodeCursor<const S extends readonly KeyPart[]>(cursor: string, shape: S): Key<S> {
  const key = parse(cursor);
  const fits = Array.isArray(key) && key.length === shape.length &&
    shape.every((type, i) =>
      typeof key[i] === type && (type === 'string' ? isText(key[i]) : isInstant(key[i]))
    );
  if (!fits) {
    throw new BadCursor(
      'cursor: this is not a cursor of this list; use the one in the Link header of the previous page',
    );
  }
  return key as Key<S>;
}

function isText(part: unknown): boolean {
  return brokenUnicode(part as string) === null;
}

/** Numbers in keys are times, epoch ms. */
function isInstant(part: unknown): boolean {
  return !Number.isNaN(new Date(part as number).getTime());
}

function parse(cursor: string): unknown {
  try {
    const binary = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'));
    return JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(binary, (c) => c.charCodeAt(0))),
    );
  } catch {
    return null;
  }
}
