import { DOOR_HEADER } from '../http/server/hosts.ts';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';

/** They speak of one connection, not of the message (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
];

/**
 * The headers of a message that a proxy may pass on: without hop-by-hop ones and those that `Connection`
 * names.
 */
export function withoutHopByHop(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}

/** What only the front door may say. */
const ITS_OWN = /^(forwarded|x-forwarded-.*)$/;

/**
 * The headers of a request as the front door sends it on, with who asked and for which host. The replicas know by
 * the secret that it is the door which says so; what a client says of these things is left out.
 */
export function forwardedHeaders(
  { headers, socket }: IncomingMessage,
  secret: string,
): OutgoingHttpHeaders {
  const passed = Object.entries(withoutHopByHop(headers)).filter(([name]) => !ITS_OWN.test(name));
  const { expect: _answeredAlready, ...forwarded } = Object.fromEntries(passed);
  forwarded[DOOR_HEADER] = secret;
  forwarded['x-forwarded-for'] = socket.remoteAddress ?? 'unknown';
  if (headers.host !== undefined) forwarded['x-forwarded-host'] = headers.host;
  forwarded['x-forwarded-proto'] = 'http';
  // Without it, the body of a request of unknown length (a DELETE with one, say) would have no frame.
  if (headers['transfer-encoding'] !== undefined) forwarded['transfer-encoding'] = 'chunked';
  return forwarded;
}
