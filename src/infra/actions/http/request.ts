/** What a request is, and which requests can't be sent. */
import { isIP } from 'node:net';
import type { HttpMethod } from '../../../domain/actions/httpAction.ts';
import { RequestFailure } from './failure.ts';

export interface OutgoingRequest {
  method: HttpMethod;
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Null for none. */
  body: Uint8Array | null;
}

/** These follow from the URL, the body and the connection. */
const RESERVED = new Set([
  ...[
    'accept-encoding',
    'connection',
    'content-length',
    'expect',
    'host',
    'keep-alive',
    'proxy-connection',
    'te',
  ],
  ...['trailer', 'transfer-encoding', 'upgrade'],
]);

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/;

/** The URL of a request that can be sent. Throws a RequestFailure for any other. */
export function checkedUrl({ url, headers }: OutgoingRequest): URL {
  const problem = urlProblem(url) ??
    Object.entries(headers).map(headerProblem).find((found) => found !== null);
  if (problem !== null && problem !== undefined) throw new RequestFailure('request', problem);
  return new URL(url);
}

/** Host and port, for sentences. */
export function whereOf(
  { hostname, port, protocol }: { hostname: string; port: string; protocol: string },
): string {
  const host = isIP(hostname) === 6 ? `[${hostname}]` : hostname;
  return `${host}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

/** Does not show the URL, which may hold a secret. */
function urlProblem(text: string): string | null {
  if (!URL.canParse(text)) return 'The URL is not valid; write one such as https://jobs.example/run.';
  const { protocol, username, password } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') {
    return `The URL begins with ${protocol}, but requests are sent to http: and https: URLs only.`;
  }
  return username === '' && password === ''
    ? null
    : 'The URL has a user name or a password in it; send them in the authorization header instead.';
}

/** Does not show the value, which may be a secret. */
function headerProblem([name, value]: [string, string]): string | null {
  if (!TOKEN.test(name)) return `${JSON.stringify(name)} is not the name of a header.`;
  if (RESERVED.has(name.toLowerCase())) {
    return `The header ${name} can't be set: it follows from the URL, the body and the connection.`;
  }
  const at = value.search(NOT_IN_VALUES);
  return at === -1
    ? null
    : `The header ${name} has a character that no header can have, at position ${at + 1}: a line break, ` +
      'a control character, or one beyond Latin-1, which has to be encoded.';
}
