import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { requestFault } from '../../../src/http/server/requestFault.ts';

const of = (url: string, rawHeaders = ['Host', 'localhost:8080'], httpVersion = '1.1') =>
  requestFault({ url, rawHeaders, httpVersion });

describe('a well-formed request', () => {
  const urls = [
    ...['/', '/livez', '/schedules?q=a..b&tag=x:../..', '/schedules/a.b', '/schedules/...', '/schedules/.a'],
    // The routes answer 404 to these.
    ...['//leader//step-down', '/schedules/a%2Fb', '/schedules/%252e%252e/leader', '/runs/a%5Cb', '/a%00b'],
    ...[
      '/runs/a@2030-01-01T00:00:00.000Z~1',
      '/schedules?q=gr%C3%B6%C3%9Fe%20%F0%9F%98%80',
      '/?',
      '/?a&b=&=c',
    ],
    ...['http://localhost:8080/livez', 'HTTP://LOCALHOST:8080', 'http://localhost:8080?a=b'],
  ];
  for (const url of urls) it(url, () => assert.equal(of(url), null));

  for (const host of ['a', 'a_b.example', '127.0.0.1:80', '[::1]:8080', '[::ffff:1.2.3.4]', 'a:']) {
    it(`at ${host}`, () => assert.equal(of('/', ['host', host]), null));
  }

  it('of HTTP/1.0 without a host', () => assert.equal(of('/livez', [], '1.0'), null));

  it('with a header whose value is "host"', () => {
    assert.equal(of('/', ['X-A', 'Host', 'Host', 'a', 'X-B', 'host']), null);
  });
});

describe('a request that is refused before any routing', () => {
  const dots = [
    ...['/..', '/.', '/../', '/a/..', '/a/./b', '/a/../b', '/..?x', '/schedules/%2e%2e/leader/step-down'],
    ...[
      '/a/%2E%2e/b',
      '/a/.%2E/b',
      '/a/%2e./b',
      '/a/%2e/b',
      '/a/%2e%2E?x=1',
      '//..//b',
      '/a%2F..%2Fb',
      '/a%2f%2e%2e',
    ],
    ...['/a%5C..%5cb', '/a/..%5Cb', '/a/%2e%2e%5cb', '/a%5c..', '/a\\..\\b', 'http://localhost:8080/a/../b'],
  ];
  for (const url of dots) it(url, () => assert.match(of(url) ?? '', /segment of dots/));

  const others: [string, RegExp][] = [
    ['/a\\b', /backslash/],
    ['/schedules?q=%ED%A0%80', /query parameter q is not percent-encoded UTF-8/],
    ['/schedules?limit=1&q=%FF', /query parameter q is not/],
    ['/schedules?q=50%', /query parameter q is not/],
    ['/schedules?%zz', /query parameter %zz is not/],
    ['/schedules/%C3', /the path is not percent-encoded UTF-8/],
    ['/runs/%ED%A0%80', /the path is not/],
    ['/livez#x', /fragment/],
    ['/schedules?q=\u00c3\u00a9', /must be percent-encoded/],
    ['*', /has no path/],
    ['livez', /has no path/],
    ['', /has no path/],
    ['ftp://localhost:8080/', /has no path/],
    ['http://elsewhere/livez', /another host/],
    ['http://a@localhost:8080/livez', /another host/],
  ];
  for (const [url, sentence] of others) {
    it(url || 'an empty URL', () => assert.match(of(url) ?? '', sentence));
  }

  const hosts: [string, string[], RegExp][] = [
    ['two', ['Host', 'a', 'hOST', 'a'], /2 Host headers; send one/],
    ['none in HTTP/1.1', [], /no Host header/],
    ['an empty one', ['Host', ''], /"" is not a host/],
    ['one with a path', ['Host', 'a/b'], /"a\/b" is not a host/],
    ['one with a blank', ['Host', 'a b'], /is not a host/],
    ['one with a user', ['Host', 'me@a'], /is not a host/],
    ['two in one', ['Host', 'a, b'], /is not a host/],
    ['an address of five bytes', ['Host', '1.2.3.4.5'], /is not a host/],
    ['a port that is none', ['Host', 'a:x'], /is not a host/],
  ];
  for (const [what, headers, sentence] of hosts) {
    it(`with hosts: ${what}`, () => assert.match(of('/', headers) ?? '', sentence));
  }

  it('is every one whose URL would lose a segment', () => {
    const dot = fc.constantFrom('.', '%2e', '%2E');
    const piece = fc.oneof(
      fc.tuple(dot, dot).map((two) => two.join('')),
      dot,
      fc.constantFrom('schedules', 'leader', 'a.b', '%41', '...', ''),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('/', '\\'), piece), { minLength: 1 }), (pieces) => {
        const path = `/a${pieces.flat().join('')}`;
        const resolved = new URL(`http://localhost:8080${path}`).pathname;
        assert.ok(resolved === path || of(path) !== null, `${path} resolves to ${resolved}`);
      }),
    );
  });
});
