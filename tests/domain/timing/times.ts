/** A moment from its RFC 3339 text, epoch ms. */
export const at = (text: string) => Date.parse(text);

/** The text of a moment; null for none. */
export const iso = (ms: number | null) => ms === null ? null : new Date(ms).toISOString();
