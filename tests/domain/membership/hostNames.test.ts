import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostName, HostNames } from '../../../src/domain/membership/hostNames.ts';

function listener(address: string, names: string[] = []): HostNames {
  const made = new HostNames({ names, own: ['box.lan'] });
  made.listensAt(address);
  return made;
}

const LOOPBACK = [
  'localhost',
  'localhost:8080',
  'LOCALHOST.',
  'api.localhost:1',
  '127.0.0.1:8081',
  '127.9.8.7',
];
const LOOPBACK_V6 = ['[::1]', '[::1]:8080', '[0:0:0:0:0:0:0:1]:80', '[::ffff:127.0.0.1]:80'];
const FOREIGN = [
  ...[
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.evil.example',
  ],
  ...['localhost@evil.example', 'evil.example@localhost', 'localhost:8080@evil.example', 'user@localhost'],
  ...['evil.example#localhost', 'evil.example/localhost', 'localhost,evil.example', 'localhost evil.example'],
  ...[
    'notlocalhost',
    'localhost..',
    '.',
    '',
    ':8080',
    'localhost:http',
    'localhost:123456',
    '[::1',
    '::1',
    '[::2]',
  ],
  ...['10.0.0.7', '128.0.0.1', '0.0.0.0', '[::]', '[::ffff:7f:1]', 'evil.example\\@localhost', '%6cocalhost'],
];

describe('a listener on a loopback address', () => {
  const addresses = ['127.0.0.1', '127.0.1.1', '::1', '::ffff:127.0.0.1'];
  for (const address of addresses) {
    it(`answers to loopback names, on ${address}`, () => {
      for (const host of [...LOOPBACK, ...LOOPBACK_V6]) {
        assert.equal(listener(address).accepts(host), true, host);
      }
    });
    it(`answers to no others, on ${address}`, () => {
      for (const host of [...FOREIGN, undefined]) {
        assert.equal(listener(address).accepts(host), false, String(host));
      }
    });
  }

  it('answers to its own address and to the names that it was given, with any port', () => {
    const names = listener('127.0.0.1', ['jobs.example']);
    for (const host of ['box.lan', 'BOX.lan.:81', 'jobs.example:8080']) {
      assert.equal(names.accepts(host), true);
    }
    for (const host of ['x.jobs.example', 'jobs.example.evil', 'evil.example']) {
      assert.equal(names.accepts(host), false, host);
    }
  });

  it('is what it counts as before it listens', () => {
    assert.equal(new HostNames({ names: [], own: [] }).accepts('evil.example'), false);
  });
});

describe('a listener that others reach', () => {
  for (const address of ['0.0.0.0', '::', '10.0.0.7', 'fe80::1%eth0']) {
    it(`answers to every name, on ${address}`, () => {
      for (const host of ['evil.example', 'hascheduler', undefined]) {
        assert.equal(listener(address).accepts(host), true);
      }
    });
  }

  it('answers, once names were given, to those, its own, loopback ones and addresses', () => {
    const names = listener('0.0.0.0', ['jobs.example']);
    for (const host of ['jobs.example', 'box.lan', 'localhost:8080', '10.0.0.7:8080', '[fd00::7]:8080']) {
      assert.equal(names.accepts(host), true, host);
    }
    for (const host of ['evil.example', '10.0.0.7.evil.example', undefined]) {
      assert.equal(names.accepts(host), false, host);
    }
  });
});

describe('the name of a host', () => {
  it('has one spelling', () => {
    for (const host of ['Jobs.Example', 'jobs.example.', 'jobs.example:80', 'JOBS.example.:8080']) {
      assert.equal(hostName(host), 'jobs.example');
    }
    assert.equal(hostName('[FD00:0:0::7]:1'), '[fd00::7]');
    assert.equal(hostName('127.1'), '127.0.0.1');
  });
});
