/**
 * Characters that a terminal or an editor obeys or hides instead of showing: control characters
 * (C0, DEL, C1), format characters that reorder text or have no width, line separators, and lone
 * surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** The same, except line ends and tabs, which a multi-line text contains. */
const UNPRINTABLE_IN_TEXT = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Escapes one line of text or JSON: unprintable characters become `\u001b`. JSON keeps its value. */
export function printableLine(line: string): string {
  return line.replace(UNPRINTABLE, escaped);
}

/** The same for a multi-line text. */
export function printableText(text: string): string {
  return text.replace(UNPRINTABLE_IN_TEXT, escaped);
}

/** The JSON escape: a character beyond U+FFFF becomes a surrogate pair. */
function escaped(character: string): string {
  return character.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
}
