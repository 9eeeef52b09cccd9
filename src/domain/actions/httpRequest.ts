/** The request that an attempt of an `http` action sends. */
import type { HttpAction, HttpMethod } from './httpAction.ts';
import { filledBody, stringsIn } from './httpBody.ts';
import { filledHeaders } from './httpHeaders.ts';
import { filledUrl } from './httpUrl.ts';
import { type Filling, secretsIn, type TemplateValues } from './template.ts';

export interface HttpRequest {
  method: HttpMethod;
  url: string;
  /** The action's own, and `Content-Type` for a body; those that depend on the sender come on top. */
  headers: Record<string, string>;
  body: string | null;
}

/** Characters that placeholders may bring into a request, in all (G9). */
const MAX_FILLED = 256 * 1024;

/** The names of the secrets that a request of the action needs, for its signatures and its placeholders. */
export function secretsOf({ headers, body = null, signing }: HttpAction): string[] {
  const texts = [...Object.values(headers), ...stringsIn(body)];
  return [...new Set([...signing?.secrets ?? [], ...texts.flatMap(secretsIn)])];
}

/**
 * The request with all placeholders filled in; `secret` returns the one of that name, or throws. Throws a
 * sentence, in which no secret is shown, when no such request can be sent.
 */
export function requestOf(
  action: HttpAction,
  values: TemplateValues,
  secret: (name: string) => string,
): HttpRequest {
  const filling = limited(values, secret);
  const { method, body } = action;
  return {
    method,
    url: filledUrl(action.url, filling),
    headers: { ...contentType(action), ...filledHeaders(action.headers, filling) },
    body: body === undefined ? null : filledBody(body, filling),
  };
}

function contentType({ headers, body }: HttpAction): Record<string, string> {
  const isGiven = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  if (body === undefined || isGiven) return {};
  return { 'Content-Type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json' };
}

function limited(values: TemplateValues, secret: (name: string) => string): Filling {
  let filled = 0;
  const counted = (value: string) => {
    filled += value.length;
    if (filled <= MAX_FILLED) return value;
    throw new Error(
      `The placeholders of the request stand for more than ${MAX_FILLED} characters, as many as are allowed.`,
    );
  };
  return { value: (name) => counted(values[name]), secret: (name) => counted(secret(name)) };
}
