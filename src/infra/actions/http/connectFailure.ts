/** Sentences for what can go wrong before a request is sent. */
import { codeOf, detail, RequestFailure } from './failure.ts';

export function lookupFailure(error: unknown, name: string): RequestFailure {
  const code = codeOf(error);
  switch (code) {
    case 'ENOTFOUND':
    case 'ENODATA':
      return new RequestFailure('name', `The name ${name} is unknown: its look-up gives no address.`, error);
    case 'EAI_AGAIN':
      return new RequestFailure(
        'name',
        `The name ${name} can't be looked up now: no name server answers.`,
        error,
      );
    default:
      return new RequestFailure('name', `The name ${name} can't be looked up: ${detail(error)}.`, error);
  }
}

/** `where` is host and port, `addresses` what was tried. */
export function connectFailure(error: unknown, where: string, addresses: readonly string[]): RequestFailure {
  const code = codeOf(error);
  const tls = certificateProblem(code, where) ?? handshakeProblem(error, code, where);
  if (tls !== null) return new RequestFailure('tls', tls, error);
  return new RequestFailure(
    'connect',
    `${networkProblem(error, code, where)}${triedText(where, addresses)}`,
    error,
  );
}

function networkProblem(error: unknown, code: string, where: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `${where} refuses connections: no process listens there.`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
    case 'ENETDOWN':
      return `${where} can't be reached from this replica: there is no route to it.`;
    case 'ETIMEDOUT':
      return `${where} does not answer: its network gives no sign.`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `${where} closed the connection before it was ready.`;
    case 'EACCES':
    case 'EPERM':
      return `This replica may not connect to ${where}: its system forbids it.`;
    case 'EMFILE':
    case 'ENFILE':
    case 'EADDRNOTAVAIL':
      return `This replica can't open another connection: it has too many (${code}).`;
    default:
      return `There is no connection to ${where}: ${detail(error)}.`;
  }
}

/** OpenSSL's codes; Deno has the same. */
function certificateProblem(code: string, where: string): string | null {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return `The certificate of ${where} is self-signed, and not among those that this replica trusts.`;
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `The certificate of ${where} is from an authority that this replica does not trust, ` +
        'or the certificates between them are missing.';
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      // All that Deno tells of a certificate that is not self-signed.
      return `The certificate of ${where} can't be verified: it has expired or is not valid yet, the certificates ` +
        'between it and its authority are missing, or this replica does not trust that authority.';
    case 'CERT_HAS_EXPIRED':
      return `The certificate of ${where} has expired.`;
    case 'CERT_NOT_YET_VALID':
      return `The certificate of ${where} is not valid yet.`;
    case 'CERT_REVOKED':
      return `The certificate of ${where} was revoked.`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return `The certificate of ${where} is for another name.`;
    default:
      return null;
  }
}

function handshakeProblem(error: unknown, code: string, where: string): string | null {
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return `${where} does not speak TLS on that port; is its URL http instead of https?`;
  }
  const isTls = code === 'EPROTO' ||
    /^(ERR_SSL_|ERR_TLS_|CERT_|INVALID_CA|PATH_LENGTH_|UNABLE_TO_)/.test(code);
  return isTls ? `There is no TLS connection to ${where}: ${detail(error)}.` : null;
}

/** The addresses of a name; none for a host that is an address itself. */
function triedText(where: string, addresses: readonly string[]): string {
  const isAddress = addresses.length === 1 && where.startsWith(`${bracketed(addresses[0]!)}:`);
  return addresses.length === 0 || isAddress ? '' : ` Tried: ${listed(addresses)}.`;
}

const MOST_LISTED = 5;

/** A name may have hundreds of addresses. */
export function listed(addresses: readonly string[]): string {
  const more = addresses.length - MOST_LISTED;
  return addresses.slice(0, MOST_LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
