/**
 * Rules for text. Every stored string is well-formed Unicode: MongoDB's driver writes U+FFFD for a
 * lone surrogate, so two keys can become one, and mongod 6.0 aborts on a document with a duplicate
 * key. Single-line text for people has nothing that moves a terminal's cursor or reorders what
 * follows.
 */

/** With the flag u, a surrogate pair is one character, so only lone surrogates match. */
const HALF = /\p{Surrogate}/u;

/** C0, DEL and C1; line and paragraph separators; embeddings, overrides and isolates of writing direction. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

const BIDI = /[\u202a-\u202e\u2066-\u2069]/;

/** A sentence about a string's lone surrogate; null without one. */
export function brokenUnicode(text: string): string | null {
  const half = HALF.exec(text)?.[0];
  return half === undefined
    ? null
    : `has half of a character, the lone surrogate ${codePoint(half)}; write whole Unicode characters`;
}

/**
 * A sentence about the first forbidden character of a text, null without one. `lines` allows tabs
 * and line breaks.
 */
export function unprintable(text: string, { lines = false } = {}): string | null {
  const broken = brokenUnicode(text);
  if (broken !== null) return broken;
  const found = UNPRINTABLE.exec(lines ? text.replaceAll(/\t|\r?\n/g, ' ') : text)?.[0];
  if (found === undefined) return null;
  const kind = BIDI.test(found)
    ? 'a character that turns the direction of writing'
    : found === '\u2028' || found === '\u2029'
    ? 'a line separator'
    : 'a control character';
  return `has ${kind}, ${codePoint(found)}; leave it out`;
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** How many characters a text has, as all limits count them: Unicode code points, so that an emoji is one. */
export function characters(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; count++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return count;
}

/** The user's own text inside a sentence, with what is unprintable escaped. */
export function short(text: string, most = 40): string {
  // A character has at most two units: what is cut off here would not be shown.
  const shown = Array.from(text.slice(0, 2 * most + 2)).slice(0, most).join('');
  const quoted = JSON.stringify(shown.length < text.length ? `${shown}…` : text);
  return quoted.replaceAll(new RegExp(UNPRINTABLE, 'gu'), escaped);
}

/** Whether the text is percent-encoded UTF-8. */
export function isPercentDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
