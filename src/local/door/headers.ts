/** Which headers the front door forwards, drops and sets. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { DOOR_HEADER } from '../../http/server/hosts.ts';

/** Headers of one connection, not of the message (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
];

/** The headers that a proxy may forward: without hop-by-hop ones and those that `Connection` names. */
export function withoutHopByHop(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}

/** Headers that only the front door may set. */
const FRONT_DOOR_ONLY = /^(forwarded|x-forwarded-.*)$/;

/**
 * The headers of a forwarded request, with the client's address and the requested host. The secret
 * proves to the replicas that the door set these; a client's own values are dropped.
 */
export function forwardedHeaders(
  { headers, socket }: IncomingMessage,
  secret: string,
): OutgoingHttpHeaders {
  const kept = Object.entries(withoutHopByHop(headers)).filter(([name]) => !FRONT_DOOR_ONLY.test(name));
  const { expect: _answeredAlready, ...forwarded } = Object.fromEntries(kept);
  forwarded[DOOR_HEADER] = secret;
  forwarded['x-forwarded-for'] = socket.remoteAddress ?? 'unknown';
  if (headers.host !== undefined) forwarded['x-forwarded-host'] = headers.host;
  forwarded['x-forwarded-proto'] = 'http';
  // Otherwise a body of unknown length would be sent without framing, for instance that of a DELETE.
  if (headers['transfer-encoding'] !== undefined) forwarded['transfer-encoding'] = 'chunked';
  return forwarded;
}
