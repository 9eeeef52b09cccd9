/** Converts parts of a body to the text in a field, and back. Pure. */

/** The number in a text; any other text as it is, for the server's answer to it. @param {string} text */
export function numberOr(text) {
  return text === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

/** Sets what a pointer points to; with an empty text, deletes it. @param {any} body @param {string} pointer @param {unknown} text */
export function put(body, pointer, text) {
  const keys = pointer.slice(1).split('/');
  const last = /** @type {string} */ (keys.pop());
  let at = body;
  for (const key of keys) at = text === '' ? at?.[key] : (at[key] ??= {});
  if (text !== '') at[last] = text;
  else if (at) delete at[last];
}

/** The parts of a list that are not blank. @param {string | undefined} text */
export function parts(text, separator = '\n') {
  return (text ?? '').split(separator).map((line) => line.trim()).filter(Boolean);
}

/** A map, an entry a line. @param {Record<string, string> | undefined} map */
export function linesOf(map) {
  return Object.entries(map ?? {}).map(([key, value]) => `${key}: ${value}`).join('\n');
}

/** The entries in the lines. @param {string | undefined} text @returns {[string, string][]} */
export function entriesOf(text) {
  return parts(text).map((line) => line.split(/\s*[:=]\s*(.*)/s)).map((
    [key = '', value = ''],
  ) => [key, value]);
}
