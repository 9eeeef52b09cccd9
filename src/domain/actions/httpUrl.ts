/** The URL of an `http` action: its rules, and how its placeholders are filled in. */
import { tooLong } from '../shared/fields.ts';
import { short, unprintable } from '../shared/text.ts';
import { fill, type Filling, PLACEHOLDER, templateProblem } from './template.ts';

const MAX_URL = 2048;
/** With its placeholders filled in. */
const MAX_FILLED_URL = 8192;

const EXAMPLE = 'write one such as "https://example.com/hook"';

/** Scheme, authority, path, query and fragment, as all URLs with an authority have them (RFC 3986, appendix B). */
const PARTS = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/is;

/** A path segment that URL parsers resolve: `.`, `..`, and the same percent-encoded. */
const DOTS = /^(?:\.|%2e){1,2}$/i;

/**
 * A sentence about the first problem of a URL; null without one. Placeholders may stand where they can't
 * change whom the request reaches: in path and query.
 */
export function urlProblem(url: string): string | null {
  return tooLong(url, MAX_URL) ?? textProblem(url) ?? partsProblem(url) ??
    templateProblem(url, { secrets: false });
}

/** URL parsers drop or correct some of these in silence. */
function textProblem(url: string): string | null {
  const outside = url.replaceAll(PLACEHOLDER, '');
  if (/\s/.test(outside)) return 'has white space; write a blank as %20';
  if (outside.includes('\\')) return 'has a backslash; write / between the parts of a path';
  return unprintable(outside);
}

function partsProblem(url: string): string | null {
  const [, scheme, authority = '', path = '', , fragment] = PARTS.exec(url) ?? [];
  // Without an authority, URL parsers would take the host from the path.
  if (scheme === undefined || authority === '') return `${short(url)} is not a URL; ${EXAMPLE}`;
  if (!/^https?$/i.test(scheme)) return `has the scheme ${short(scheme)}; write https or http`;
  if (authority.includes('@')) {
    return 'has a user name or a password; send them in the header Authorization, from a secret';
  }
  if (authority.includes('{{')) return 'has a placeholder in the host; it may stand in path and query only';
  if (!URL.canParse(url.replaceAll(PLACEHOLDER, 'x'))) return `${short(url)} is not a URL; ${EXAMPLE}`;
  if (fragment !== undefined) return 'has a fragment, which is never sent; leave it out, or write # as %23';
  const dots = dotsIn(path);
  return dots === undefined
    ? null
    : `has ${short(dots)} as a part of its path; write the path that it leads to`;
}

function dotsIn(path: string): string | undefined {
  return path.split('/').find((segment) => DOTS.test(segment));
}

/** The URL with its placeholders filled in, values percent-encoded. Throws a sentence when no request can use it. */
export function filledUrl(url: string, filling: Filling): string {
  const filled = fill(url, filling, { asValue: encodeURIComponent });
  if (filled.length > MAX_FILLED_URL) {
    throw new Error(
      `The URL has ${filled.length} characters with its placeholders filled in; at most ${MAX_FILLED_URL} are allowed.`,
    );
  }
  const dots = dotsIn(PARTS.exec(filled)?.[3] ?? '');
  if (dots !== undefined) {
    throw new Error(
      `A placeholder makes ${short(dots)} a part of the URL's path, which would lead elsewhere.`,
    );
  }
  return filled;
}
