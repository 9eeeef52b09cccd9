/** Validates a request's line and Host header, before any routing. Pure. */
import { isPercentDecodable } from '../../domain/shared/text.ts';

/** As in Node's `IncomingMessage`. */
export interface RequestHead {
  httpVersion: string;
  url?: string | undefined;
  /** Names and values alternate. */
  rawHeaders: readonly string[];
}

const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)/i;

/** A name, an IPv4 address or an IPv6 address in brackets; and a port. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._~%!$&'()*+,;=-]+)(:[0-9]{0,5})?$/i;

/** `.` or `..`, each dot literal or percent-encoded. */
const DOT_SEGMENT = /^(\.|%2e){1,2}$/i;

/** Every spelling that some decoder treats as the end of a segment. */
const SEPARATOR = /\/|\\|%2f|%5c/i;

/** A sentence for the client, or null. */
export function requestFault({ httpVersion, url = '', rawHeaders }: RequestHead): string | null {
  const hosts = rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === 'host' && i % 2 === 1);
  const authority = ABSOLUTE_FORM.exec(url)?.[1];
  return hostFault(hosts, httpVersion, authority) ?? targetFault(url.replace(ABSOLUTE_FORM, ''), authority);
}

/** HTTP/1.0, which old balancers speak, has no Host. */
function hostFault(
  hosts: readonly string[],
  httpVersion: string,
  authority: string | undefined,
): string | null {
  const [host, ...more] = hosts;
  if (more.length > 0) return `the request has ${hosts.length} Host headers; send one`;
  if (host === undefined) {
    return httpVersion === '1.0' ? null : 'the request has no Host header, which HTTP/1.1 requires';
  }
  if (!HOST.test(host) || !URL.canParse(`http://${host}`)) {
    return `Host: ${
      JSON.stringify(host.slice(0, 128))
    } is not a host; write a name or an address, with a port if needed`;
  }
  // RFC 9112, 3.2.2, requires them to be equal: otherwise a check of one would not cover the other.
  return authority === undefined || authority.toLowerCase() === host.toLowerCase()
    ? null
    : 'the URL in the first line of the request has another host than its Host header';
}

/**
 * Dot segments are refused, not resolved: a client that means `/schedules/..` resolves it itself, and
 * one that puts untrusted text into a path must not reach another endpoint by it.
 */
function targetFault(target: string, authority: string | undefined): string | null {
  if (!target.startsWith('/') && !(authority !== undefined && /^(\?|$)/.test(target))) {
    return 'the first line of the request has no path; a path begins with /';
  }
  if (!/^[!-~]*$/.test(target)) return 'the URL has characters that must be percent-encoded, as UTF-8';
  if (target.includes('#')) {
    return 'the URL has a fragment, which is never sent to a server; write %23 for a #';
  }
  const [path = '', ...query] = target.split('?');
  if (path.split(SEPARATOR).some((segment) => DOT_SEGMENT.test(segment))) {
    return 'the path has a segment of dots, such as /../, which is not resolved here; write the path without them';
  }
  if (path.includes('\\')) return 'the path has a backslash; write /, or %5C';
  if (!isPercentDecodable(path)) return `the path ${NOT_DECODABLE}`;
  const odd = query.join('?').split('&').find((part) => !isPercentDecodable(part));
  return odd === undefined ? null : `the query parameter ${odd.split('=')[0]?.slice(0, 40)} ${NOT_DECODABLE}`;
}

const NOT_DECODABLE = 'is not percent-encoded UTF-8; write each byte as %XX, and a percent sign as %25';
