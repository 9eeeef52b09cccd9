/**
 * The shape of JSON text, from its bytes alone: nesting depth, and number of values. A body of a
 * megabyte may be half a million meaningless values; parsing and checking them would block a leader's
 * event loop for a fifth of a second. This costs two milliseconds.
 */

/** More than any body needs, and less than BSON's 100. */
const MAX_DEPTH = 32;
/** Twice the moments of the largest schedule. */
const MAX_VALUES = 20_000;
/** Far more than the fields of a schedule and its tags. */
const MAX_FIELDS = 1_000;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * The fault of the shape, as a sentence; null when there is none, or when it is not JSON (the parser
 * reports that).
 */
export function shapeProblem(bytes: Uint8Array): string | null {
  let depth = 0;
  let [commas, colons] = [0, 0];
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at);
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        if (++depth > MAX_DEPTH) return `the body is nested deeper than ${MAX_DEPTH} levels`;
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth--;
        break;
      case COMMA:
        if (++commas >= MAX_VALUES) return `the body holds more than ${MAX_VALUES} values`;
        break;
      case COLON:
        if (++colons > MAX_FIELDS) return `the body has more than ${MAX_FIELDS} fields`;
    }
  }
  return null;
}

/** Index of the quote that ends the string beginning at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at;
  }
  return bytes.length;
}
