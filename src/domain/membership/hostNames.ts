/**
 * The host names that a listener accepts. A page whose owner points its name at 127.0.0.1 (DNS
 * rebinding) makes the visitor's browser talk to the local listener as if it were the page's own
 * site. So a loopback listener accepts only names that no other party can own.
 */

/** A name or address with an optional port, and nothing else: no user, no path, no list. */
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i;

/**
 * The name in a `Host` header, normalised: lower case, without port and final dot, addresses as in
 * URLs. Null when invalid.
 */
export function hostName(authority: string): string | null {
  const written = AUTHORITY.exec(authority)?.[1];
  if (written === undefined || !URL.canParse(`http://${written}`)) return null;
  return new URL(`http://${written}`).hostname.replace(/\.$/, '') || null;
}

/** Names and addresses that every resolver maps to this machine (RFC 6761, section 6.3). */
function isLoopback(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' ||
    isAddress(name) && name.startsWith('127.') || /^\[::ffff:7f[0-9a-f]{2}:/.test(name);
}

/** Whether it is an address, as `hostName` spells it: no name server resolves it. */
function isAddress(name: string): boolean {
  return name.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(name);
}

/** The host names that one listener accepts. */
export class HostNames {
  readonly #names: ReadonlySet<string>;
  readonly #isClosed: boolean;
  #onLoopback = true;

  /** `names`: configured, as `hostName` spells them. `own`: those of its address. */
  constructor({ names, own }: { names: readonly string[]; own: readonly string[] }) {
    this.#names = new Set([...names, ...own]);
    this.#isClosed = names.length > 0;
  }

  /**
   * Sets the listener's IP address; until then it counts as loopback. Elsewhere any name is
   * accepted unless names are configured, and an address (a probe's) always is.
   */
  listensAt(address: string): void {
    const [plain = ''] = address.split('%');
    this.#onLoopback = isLoopback(hostName(plain.includes(':') ? `[${plain}]` : plain) ?? '');
  }

  accepts(host: string | undefined): boolean {
    const isOpen = !this.#onLoopback && !this.#isClosed;
    if (isOpen) return true;
    const name = host === undefined ? null : hostName(host);
    if (name === null) return false;
    return isLoopback(name) || this.#names.has(name) || !this.#onLoopback && isAddress(name);
  }

  /** The sentence for a request under any other name. */
  refusal(host: string | undefined): string {
    const problem = host
      ? `${JSON.stringify(host.slice(0, 100))} is not an accepted host name`
      : 'the request has no Host header';
    return `${problem}; use localhost or the address, or add the name to HOST_NAMES`;
  }
}

/** Old load balancers request these by HTTP/1.0, without a host. */
const PROBES = ['/livez', '/readyz', '/health'];

/** Whether a request for this path may leave out the host. */
export function mayOmitHost(path: string): boolean {
  return PROBES.includes(path);
}
