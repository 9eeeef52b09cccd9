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

/** The headers of a request as a proxy sends it on, with who asked and for which host. */
export function forwardedHeaders({ headers, socket }: IncomingMessage): OutgoingHttpHeaders {
  const { expect: _answeredAlready, ...forwarded } = withoutHopByHop(headers);
  const before = headers['x-forwarded-for'];
  const client = socket.remoteAddress ?? 'unknown';
  forwarded['x-forwarded-for'] = before === undefined ? client : `${before}, ${client}`;
  if (headers.host !== undefined) forwarded['x-forwarded-host'] = headers.host;
  forwarded['x-forwarded-proto'] = 'http';
  // Without it, the body of a request of unknown length (a DELETE with one, say) would have no frame.
  if (headers['transfer-encoding'] !== undefined) forwarded['transfer-encoding'] = 'chunked';
  return forwarded;
}
