import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import ipaddr from 'ipaddr.js';
import { blockWith, parseAddressList } from '../../../../src/infra/actions/http/addressList.ts';

const FORMS =
  /write blocks such as 10\.0\.0\.0\/8, addresses such as 10\.0\.0\.7 or fd00::7, or the word loopback/;

describe('a list of addresses', () => {
  it('has blocks, single addresses and the word loopback, in both families', () => {
    const blocks = parseAddressList(' 10.0.0.0/8, fd00::/8,192.168.1.7 , 2001:DB8::7, Loopback, 0.0.0.0/0,');
    assert.deepEqual(
      blocks.map(({ text, prefix }) => [text, prefix]),
      [
        ['10.0.0.0/8', 8],
        ['fd00::/8', 8],
        ['192.168.1.7', 32],
        ['2001:DB8::7', 128],
        ['127.0.0.0/8', 8],
        ['::1', 128],
        ['0.0.0.0/0', 0],
      ],
    );
    assert.deepEqual(parseAddressList(''), []);
  });

  it('finds the block of an address, by whole bits', () => {
    const blocks = parseAddressList('172.16.0.0/12, fe80::/10, ::1');
    const find = (text: string) => blockWith(blocks, ipaddr.parse(text))?.text ?? null;
    assert.equal(find('172.31.255.255'), '172.16.0.0/12');
    assert.equal(find('172.32.0.0'), null);
    assert.equal(find('febf::1'), 'fe80::/10');
    assert.equal(find('fec0::1'), null);
    assert.equal(find('::2'), null);
  });

  const bad: [entry: string, problem: RegExp][] = [
    ['localhost', FORMS],
    ['jobs.example', FORMS],
    ['10.0.0.7:8080', FORMS],
    ['[::1]', FORMS],
    ['10.0.0', FORMS],
    ['010.0.0.1', FORMS],
    ['2130706433', FORMS],
    ['0x7f.0.0.1', FORMS],
    ['fe80::1%eth0', FORMS],
    ['10.0.0.0/8/8', FORMS],
    ['*', /"\*" is not an address; for every address, write 0\.0\.0\.0\/0, ::\/0/],
    ['10.0.0.0/33', /"10\.0\.0\.0\/33" has no prefix length from 0 to 32 behind its slash/],
    ['10.0.0.0/', /no prefix length from 0 to 32/],
    ['10.0.0.0/255.0.0.0', /no prefix length from 0 to 32/],
    ['fd00::/129', /no prefix length from 0 to 128/],
    ['10.0.0.7/8', /write 10\.0\.0\.0\/8 for the block, or 10\.0\.0\.7 for the address/],
    ['fd00::7/8', /write fd00::\/8 for the block, or fd00::7 for the address/],
    ['::ffff:10.0.0.7', /"::ffff:10\.0\.0\.7" is an IPv4 address in IPv6 notation; write it as IPv4/],
    ['::ffff:10.0.0.0/104', /write it as IPv4/],
  ];
  for (const [entry, problem] of bad) {
    it(`refuses ${JSON.stringify(entry)} with a sentence`, () => {
      assert.throws(() => parseAddressList(`10.0.0.0/8, ${entry}`), { message: problem });
    });
  }

  it('names every bad entry at once', () => {
    assert.throws(() => parseAddressList('one, 10.0.0.0/8, two'), /"one" is not an address.*; "two" is not/);
  });
});
