/**
 * What a terminal, or an editor, would obey or hide instead of showing it: control characters (C0, DEL, C1), the
 * format characters that reorder text or have no width, separators of lines, and halves of surrogate pairs.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** The same, but for the line ends and tabs that a text of several lines is made of. */
const UNPRINTABLE_IN_TEXT = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** One line of text, or of JSON, which stays the same value: what can't be shown is written as `\u001b`. */
export function printableLine(line: string): string {
  return line.replace(UNPRINTABLE, escaped);
}

/** The same for a text that may have several lines. */
export function printableText(text: string): string {
  return text.replace(UNPRINTABLE_IN_TEXT, escaped);
}

/** As JSON writes it: a character beyond U+FFFF as its two halves. */
function escaped(character: string): string {
  return character.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
}
