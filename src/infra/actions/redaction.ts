/** What replaces a secret that a target has repeated in its answer. */
const HIDDEN = '•••';
/** A shorter one would hide ordinary text, and is none. */
const MIN_LENGTH = 4;

/** The text without these secrets, as they are and as URLs, JSON and base64 have them. */
export function redacted(text: string, secrets: Iterable<string>): string {
  let hidden = text;
  for (const secret of secrets) {
    if (secret.length < MIN_LENGTH) continue;
    const json = JSON.stringify(secret).slice(1, -1);
    const base64 = Buffer.from(secret).toString('base64');
    for (const form of new Set([secret, json, encodeURIComponent(secret), base64])) {
      hidden = hidden.replaceAll(form, HIDDEN);
    }
  }
  return hidden;
}
