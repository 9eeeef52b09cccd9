/**
 * The names by which a listener lets itself be called. A page whose owner points its name at 127.0.0.1 (DNS
 * rebinding) has the visitor's browser talk to what listens there, under that name, as if it were the page's
 * own site. So a listener on this machine alone answers only to names that can't be anybody else's.
 */

/** A name or address with an optional port, and nothing else: no user, no path, no list. */
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i;

/**
 * The name in a `Host` header, in one spelling: lower case, without port and final dot, addresses as URLs have
 * them. Null when it is none.
 */
export function hostName(authority: string): string | null {
  const written = AUTHORITY.exec(authority)?.[1];
  if (written === undefined || !URL.canParse(`http://${written}`)) return null;
  return new URL(`http://${written}`).hostname.replace(/\.$/, '') || null;
}

/** Names and addresses that lead to this machine, wherever they are looked up (RFC 6761, section 6.3). */
function isLoopback(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' ||
    isAddress(name) && name.startsWith('127.') || /^\[::ffff:7f[0-9a-f]{2}:/.test(name);
}

/** Whether it is an address, in the spelling of `hostName`: what no name server has a say in. */
function isAddress(name: string): boolean {
  return name.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(name);
}

/** Which names one listener answers to. */
export class HostNames {
  readonly #names: ReadonlySet<string>;
  readonly #isClosed: boolean;
  #onLoopback = true;

  /** `names` were given to it, in the spelling of `hostName`; `own` are its address's. */
  constructor({ names, own }: { names: readonly string[]; own: readonly string[] }) {
    this.#names = new Set([...names, ...own]);
    this.#isClosed = names.length > 0;
  }

  /**
   * The address at which it listens, an IP address: before that is known it counts as a loopback one. Elsewhere
   * the names are many, and any will do unless some were given; addresses (a probe's) will do always.
   */
  listensAt(address: string): void {
    const [plain = ''] = address.split('%');
    this.#onLoopback = isLoopback(hostName(plain.includes(':') ? `[${plain}]` : plain) ?? '');
  }

  answers(host: string | undefined): boolean {
    const isOpen = !this.#onLoopback && !this.#isClosed;
    if (isOpen) return true;
    const name = host === undefined ? null : hostName(host);
    if (name === null) return false;
    return isLoopback(name) || this.#names.has(name) || !this.#onLoopback && isAddress(name);
  }

  /** The sentence for a request that asked for another one. */
  refusal(host: string | undefined): string {
    const asked = host ? `${JSON.stringify(host.slice(0, 100))} is` : 'the request names no host, which is';
    return `${asked} not a name that is answered here; use localhost or the address, or have HOST_NAMES include the name`;
  }
}

/** Old balancers ask for these by HTTP/1.0, without any host. */
const PROBES = ['/livez', '/readyz', '/health'];

/** Whether a request for this path may leave out the host. */
export function mayOmitHost(path: string): boolean {
  return PROBES.includes(path);
}
