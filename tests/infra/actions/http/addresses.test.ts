import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addressProblem } from '../../../../src/infra/actions/http/addresses.ts';
import { parseAddressList } from '../../../../src/infra/actions/http/addressList.ts';

function problem(address: string, allow = '', deny = ''): string | null {
  return addressProblem(address, { allow: parseAddressList(allow), deny: parseAddressList(deny) });
}

const REFUSED: [what: RegExp, addresses: string[]][] = [
  [/is a loopback address\. No request is sent there; to allow it, add loopback to HTTP_ACTION_ALLOW\./, [
    ...['127.0.0.1', '127.0.0.2', '127.255.255.255', '::1', '0:0:0:0:0:0:0:1'],
    ...['::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:127.0.0.1'],
  ]],
  [/is an unspecified address/, ['0.0.0.0', '0.1.2.3', '::', '::ffff:0.0.0.0']],
  [/is a link-local address/, ['169.254.0.1', '169.254.255.255', 'fe80::1', 'febf::1', 'fe80::1%lo']],
  [/is an address of a cloud metadata service/, [
    ...[
      '169.254.169.254',
      '100.100.100.200',
      'fd00:ec2::254',
      'FD00:EC2:0::254',
      '168.63.129.16',
      'fd20:ce::254',
    ],
    ...['::ffff:169.254.169.254', '::ffff:a9fe:a9fe'],
  ]],
  [/is a multicast address/, ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1']],
  [/is the broadcast address/, ['255.255.255.255']],
  [/is a reserved address/, ['240.0.0.1', '255.255.255.254']],
  [/is an IPv4-compatible address/, ['::127.0.0.1', '::7f00:1', '::10.0.0.1', '::2']],
  [/is an address for local-use NAT64/, ['64:ff9b:1::1', '64:ff9b:1:7f00:0:100::', '64:ff9b:1:ffff::7f00:1']],
  [/\(127\.0\.0\.1 by NAT64\) is a loopback address/, ['64:ff9b::127.0.0.1', '64:ff9b::7f00:1']],
  [/\(169\.254\.169\.254 by NAT64\) is an address of a cloud metadata service/, ['64:ff9b::a9fe:a9fe']],
  [/\(127\.0\.0\.1 by 6to4\) is a loopback address/, ['2002:7f00:1::', '2002:7f00:1::1']],
  [/\(169\.254\.169\.254 by 6to4\)/, ['2002:a9fe:a9fe:1::1']],
  [/\(127\.0\.0\.1 by Teredo\)/, ['2001::80ff:fffe', '2001:0:4136:e378:8000:63bf:80ff:fffe']],
  [/\(127\.0\.0\.1 by IPv4-translated\)/, ['::ffff:0:127.0.0.1', '::ffff:0:7f00:1']],
];

const ALLOWED = [
  ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '100.127.255.255', 'fc00::1'],
  ...[
    'fd12:3456::1',
    '::ffff:10.0.0.1',
    '8.8.8.8',
    '2606:4700::1111',
    '64:ff9b::8.8.8.8',
    '64:ff9b::10.0.0.1',
  ],
  ...[
    '2002:808:808::1',
    '2001::f7f7:f7f7',
    '2001:1::1',
    '128.0.0.1',
    '126.255.255.255',
    '1.0.0.0',
    '223.255.255.255',
  ],
];

describe('which addresses a request may go to', () => {
  for (const [what, addresses] of REFUSED) {
    for (const address of addresses) {
      it(`not ${address}`, () => assert.match(problem(address) ?? 'allowed', what));
    }
  }
  for (const address of ALLOWED) {
    it(address, () => assert.equal(problem(address), null));
  }

  it('refuses what is no address in its usual notation', () => {
    for (
      const text of ['', 'localhost', '2130706433', '0177.0.0.1', '0x7f.1', '127.1', '127.0.0.1.', '[::1]']
    ) {
      assert.match(problem(text) ?? 'allowed', /is not an IP address/, text);
    }
  });

  it('allows what HTTP_ACTION_ALLOW lists, and nothing beside it', () => {
    assert.equal(problem('127.0.0.1', 'loopback'), null);
    assert.equal(problem('::1', 'loopback'), null);
    assert.equal(problem('::ffff:127.0.0.1', 'loopback'), null, 'it is the same address');
    assert.equal(problem('169.254.169.254', '169.254.169.254'), null);
    assert.match(problem('169.254.169.253', '169.254.169.254') ?? '', /link-local/);
    assert.equal(problem('64:ff9b:1::a00:1', '64:ff9b:1::/48'), null);
    assert.match(problem('127.0.0.1', '::/0') ?? '', /loopback/, 'IPv6 blocks have no IPv4 addresses');
  });

  it('does not take an allowed IPv4 address for an IPv6 address that a gateway would translate to it', () => {
    for (const address of ['64:ff9b::127.0.0.1', '2002:7f00:1::', '2001::80ff:fffe', '::127.0.0.1']) {
      assert.match(problem(address, 'loopback') ?? 'allowed', /to HTTP_ACTION_ALLOW/, address);
    }
    assert.equal(problem('64:ff9b::127.0.0.1', '64:ff9b::7f00:1'), null);
  });

  it('refuses what HTTP_ACTION_DENY lists, whatever HTTP_ACTION_ALLOW does, in every notation', () => {
    const deny = '10.0.0.0/8, fc00::/7';
    for (
      const address of ['10.1.2.3', '::ffff:10.1.2.3', '64:ff9b::10.1.2.3', '2002:a01:203::1', 'fd00::1']
    ) {
      const sentence = problem(address, '0.0.0.0/0, ::/0', deny) ?? 'allowed';
      assert.match(
        sentence,
        /is in (10\.0\.0\.0\/8|fc00::\/7), which HTTP_ACTION_DENY lists\. .*out of the list\./,
      );
    }
    assert.equal(problem('11.0.0.1', '', deny), null);
  });

  it('names what to add to HTTP_ACTION_ALLOW', () => {
    assert.equal(
      problem('169.254.169.254'),
      '169.254.169.254 is an address of a cloud metadata service. No request is sent there; to allow it, ' +
        'add 169.254.169.254 to HTTP_ACTION_ALLOW.',
    );
    assert.equal(
      problem('2002:7f00:1::'),
      '2002:7f00:1:: (127.0.0.1 by 6to4) is a loopback address. No request is sent there; to allow it, ' +
        'add 2002:7f00:1:: to HTTP_ACTION_ALLOW.',
    );
  });

  it('judges an address alike in every notation', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const prefix = fc.constantFrom(
      '::',
      '::ffff:',
      '::ffff:0:',
      '64:ff9b::',
      '64:ff9b:1::',
      '2001:db8::',
      'fe80::',
    );
    fc.assert(fc.property(prefix, fc.tuple(byte, byte, byte, byte), (prefix, [a, b, c, d]) => {
      const dotted = `${prefix}${a}.${b}.${c}.${d}`;
      const hex = `${prefix}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`.toUpperCase();
      assert.equal(problem(dotted), problem(hex));
    }));
  });

  it('names entries that the list accepts', () => {
    for (const address of REFUSED.flatMap(([, addresses]) => addresses)) {
      const entry = /add (\S+) to HTTP_ACTION_ALLOW/.exec(problem(address) ?? '')?.[1];
      assert.equal(problem(address, entry), null, `${address} with ${entry}`);
    }
  });
});
