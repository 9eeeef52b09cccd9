/** Lists of IP addresses, as HTTP_ACTION_ALLOW and HTTP_ACTION_DENY have them. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Addresses with a common prefix; a single address is a block too. */
export interface AddressBlock {
  /** As it was written. */
  text: string;
  address: Address;
  /** Bits. */
  prefix: number;
}

const LOOPBACK = ['127.0.0.0/8', '::1'];

const FORMS =
  'write blocks such as 10.0.0.0/8, addresses such as 10.0.0.7 or fd00::7, or the word loopback, ' +
  'with commas between';

/**
 * Reads blocks in CIDR notation, single addresses, and the word `loopback`, separated by commas; the empty text is
 * the empty list. Throws one sentence that names every bad entry.
 */
export function parseAddressList(text: string): AddressBlock[] {
  const written = text.split(',').map((entry) => entry.trim()).filter((entry) => entry !== '')
    .flatMap((entry) => entry.toLowerCase() === 'loopback' ? LOOPBACK : [entry]);
  const problems = written.flatMap((entry) => blockProblem(entry) ?? []);
  if (problems.length > 0) throw new Error(problems.join('; '));
  return written.map(blockOf);
}

/** Null for a text that is no address in its usual notation. */
export function parseAddress(text: string): Address | null {
  switch (isIP(text)) {
    case 4:
      return ipaddr.IPv4.parse(text);
    case 6:
      // ipaddr.js takes ::127.0.0.1 for ::ffff:127.0.0.1; a URL's host has no such dots.
      return ipaddr.IPv6.parse(new URL(`http://[${text.split('%')[0]}]`).hostname.slice(1, -1));
    default:
      return null;
  }
}

/** Throws for anything but a block or an address. */
export function blockOf(text: string): AddressBlock {
  const [host = '', prefix] = text.split('/');
  const address = parseAddress(host);
  if (address === null) throw new Error(`${JSON.stringify(host)} is not an address`);
  return { text, address, prefix: prefix === undefined ? bitsOf(address) : Number(prefix) };
}

/** The first block that has the address; null when none has it. */
export function blockWith(blocks: readonly AddressBlock[], address: Address): AddressBlock | null {
  return blocks.find((block) => contains(block, address)) ?? null;
}

function contains(block: AddressBlock, address: Address): boolean {
  return block.address.kind() === address.kind() && address.match(block.address, block.prefix);
}

function bitsOf(address: Address): number {
  return address.kind() === 'ipv4' ? 32 : 128;
}

/** Null for a block that can be used as it is written. */
function blockProblem(entry: string): string | null {
  const shown = JSON.stringify(entry);
  if (entry === '*') return `"*" is not an address; for every address, write 0.0.0.0/0, ::/0`;
  const [host = '', prefix, ...more] = entry.split('/');
  const address = host.includes('%') || more.length > 0 ? null : parseAddress(host);
  if (address === null) return `${shown} is not an address; ${FORMS}`;
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) {
    return `${shown} is an IPv4 address in IPv6 notation; write it as IPv4, which covers both`;
  }
  if (prefix === undefined) return null;
  const bits = bitsOf(address);
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) {
    return `${shown} has no prefix length from 0 to ${bits} behind its slash`;
  }
  const first = firstOf(address, prefix);
  return first === address.toString()
    ? null
    : `${shown} is not where its block begins; write ${first}/${prefix} for the block, or ${host} for the address`;
}

function firstOf(address: Address, prefix: string): string {
  const kind = address instanceof ipaddr.IPv4 ? ipaddr.IPv4 : ipaddr.IPv6;
  return kind.networkAddressFromCIDR(`${address.toString()}/${prefix}`).toString();
}
