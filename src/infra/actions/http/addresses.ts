/**
 * Which IP addresses a request may be sent to. What a schedule's author should not reach through a replica is
 * refused: the replica itself, its link and the metadata service of its cloud, which hands out credentials. Private
 * networks are allowed, since targets in the same cluster live there.
 */
import ipaddr from 'ipaddr.js';
import { type Address, type AddressBlock, blockOf, blockWith, parseAddress } from './addressList.ts';

/** `deny` wins over `allow`, and `allow` over what is refused by default. */
export interface TargetRules {
  /** HTTP_ACTION_ALLOW. */
  allow: readonly AddressBlock[];
  /** HTTP_ACTION_DENY. */
  deny: readonly AddressBlock[];
}

/** Refused by default. The first block that has an address says what the address is. */
const REFUSED: readonly (readonly [what: string, blocks: readonly AddressBlock[]])[] = [
  refused('an address of a cloud metadata service', [
    ...[
      '169.254.169.254',
      '169.254.170.2',
      '169.254.170.23',
      '100.100.100.200',
      '168.63.129.16',
      '192.0.0.192',
    ],
    ...['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254'],
  ]),
  refused('a loopback address', ['127.0.0.0/8', '::1']),
  refused('an unspecified address', ['0.0.0.0/8', '::']),
  refused('a link-local address', ['169.254.0.0/16', 'fe80::/10']),
  refused('a multicast address', ['224.0.0.0/4', 'ff00::/8']),
  refused('the broadcast address', ['255.255.255.255']),
  refused('a reserved address', ['240.0.0.0/4']),
  refused('an IPv4-compatible address', ['::/96']),
  refused('an address for local-use NAT64', ['64:ff9b:1::/48']),
];

/**
 * IPv6 addresses that stand for an IPv4 address, as the number of the byte at which it begins. Teredo stores it
 * inverted (RFC 4380).
 */
const EMBEDDING: readonly { block: AddressBlock; what: string; at: number; inverted?: true }[] = [
  { block: blockOf('64:ff9b::/96'), what: 'NAT64', at: 12 },
  { block: blockOf('::ffff:0:0:0/96'), what: 'IPv4-translated', at: 12 },
  { block: blockOf('2002::/16'), what: '6to4', at: 2 },
  { block: blockOf('2001::/32'), what: 'Teredo', at: 12, inverted: true },
];

function refused(what: string, blocks: readonly string[]): [string, AddressBlock[]] {
  return [what, blocks.map(blockOf)];
}

/**
 * Why no request may be sent to the address: what it is, why that is refused, and what would change it. Null when
 * one may.
 */
export function addressProblem(text: string, { allow, deny }: TargetRules): string | null {
  const address = addressOf(text);
  if (address === null) {
    return `${JSON.stringify(text)} is not an IP address. A name's look-up has to give addresses.`;
  }
  const shown = address.toString();
  const embedded = embeddedIn(address);
  const denied = blockWith(deny, address) ?? (embedded && blockWith(deny, embedded.address));
  if (denied !== null) {
    return `${shown}${embeddedText(embedded)} is in ${denied.text}, which HTTP_ACTION_DENY lists. ` +
      'No request is sent there; to allow it, take that block out of the list.';
  }
  if (blockWith(allow, address) !== null) return null;
  const what = refusedAs(address);
  if (what !== null) return `${shown} is ${what}. ${remedy(shown, what)}`;
  const inner = embedded && refusedAs(embedded.address);
  return inner === null ? null : `${shown}${embeddedText(embedded)} is ${inner}. ${remedy(shown, inner)}`;
}

/** Null for a text that is no address in its usual notation. An IPv4-mapped address is the IPv4 address. */
function addressOf(text: string): Address | null {
  const address = parseAddress(text);
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function refusedAs(address: Address): string | null {
  return REFUSED.find(([, blocks]) => blockWith(blocks, address) !== null)?.[0] ?? null;
}

interface Embedded {
  address: Address;
  /** The notation that holds it. */
  what: string;
}

function embeddedIn(address: Address): Embedded | null {
  const form = EMBEDDING.find(({ block }) => blockWith([block], address) !== null);
  if (form === undefined) return null;
  const bytes = address.toByteArray().slice(form.at, form.at + 4);
  return {
    address: ipaddr.fromByteArray(bytes.map((byte) => form.inverted ? byte ^ 0xff : byte)),
    what: form.what,
  };
}

function embeddedText(embedded: Embedded | null): string {
  return embedded === null ? '' : ` (${embedded.address.toString()} by ${embedded.what})`;
}

function remedy(shown: string, what: string): string {
  const entry = what === 'a loopback address' && !shown.includes(':') || shown === '::1' ? 'loopback' : shown;
  return `No request is sent there; to allow it, add ${entry} to HTTP_ACTION_ALLOW.`;
}
