/** Targets that a schedule's author may try, against a receiver that listens where they would lead. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { parseAddressList } from '../../../../src/infra/actions/http/addressList.ts';
import { failure, get, LIMITS, Opened, unaborted } from './support.ts';

const opened = new Opened();
afterEach(() => opened.end());

const NONE = { allow: [], deny: [] };

/** Hosts of a URL. All of these lead to loopback, to metadata, or to what is never a target. */
const HOSTS = [
  ...['127.0.0.1', '127.0.0.1.', '127.1', '127.0.1', '2130706433', '0x7f000001', '0x7f.1', '0x7F.0.0.0x1'],
  ...[
    '0177.0.0.1',
    '017700000001',
    '0177.1',
    '１２７.0.0.1',
    '127。0。0。1',
    '127.0.0.1%2e',
    '%31%32%37.0.0.1',
  ],
  ...['localhost', 'LOCALHOST', 'ⓛocalhost', '0', '0.0.0.0', '0x0', '000'],
  ...['[::1]', '[0:0:0:0:0:0:0:1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::FFFF:0:127.0.0.1]'],
  ...['[::127.0.0.1]', '[::7f00:1]', '[64:ff9b::127.0.0.1]', '[64:ff9b:1::7f00:1]', '[2002:7f00:1::]'],
  ...['[2001::80ff:fffe]', '[fe80::1]', '[ff02::1]', '[fd00:ec2::254]'],
  ...['169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '[::ffff:169.254.169.254]'],
  ...['100.100.100.200', '168.63.129.16', '224.0.0.1', '255.255.255.255', '240.0.0.1'],
];

describe('a target that is refused', () => {
  for (const host of HOSTS) {
    it(`is ${host}`, async () => {
      const receiver = await opened.http((_, response) => response.end());
      const sender = opened.sender({ targets: NONE });
      await assert.rejects(
        sender.send(get(`http://${host}:${receiver.port}/`), LIMITS, unaborted()),
        failure('refused_target', /No request is sent there; to allow it, add \S+ to HTTP_ACTION_ALLOW\.$/),
      );
      assert.equal(receiver.connections(), 0);
    });
  }

  it('is refused for https as well', async () => {
    const sender = opened.sender({ targets: NONE });
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]']) {
      await assert.rejects(
        sender.send(get(`https://${host}/`), LIMITS, unaborted()),
        failure('refused_target', /loopback/),
      );
    }
  });

  it('is a name with any refused address', async () => {
    const receiver = await opened.http((_, response) => response.end());
    const targets = { allow: parseAddressList('127.0.0.1'), deny: [] };
    for (const addresses of [['127.0.0.1', '127.0.0.2'], ['127.0.0.2', '127.0.0.1'], ['127.0.0.1', '::1']]) {
      const sender = opened.sender({ targets, resolve: async () => addresses });
      await assert.rejects(
        sender.send(get(`http://jobs.example:${receiver.port}/`), LIMITS, unaborted()),
        failure('refused_target', /^jobs\.example resolves to .*loopback/),
      );
    }
    assert.equal(receiver.connections(), 0);
  });

  it('is a name that resolves to a refused address the second time', async () => {
    const receiver = await opened.http((_, response) =>
      response.setHeader('connection', 'close').end('reached')
    );
    const answers = [['127.0.0.1'], ['169.254.169.254']];
    const sender = opened.sender({ resolve: async () => answers.shift() ?? [] });
    const request = get(`http://jobs.example:${receiver.port}/`);
    assert.equal((await sender.send(request, LIMITS, unaborted())).bodyText, 'reached');
    assert.equal(answers.length, 1, 'the name was looked up once');
    await assert.rejects(
      sender.send(request, LIMITS, unaborted()),
      failure('refused_target', /^jobs\.example resolves to 169\.254\.169\.254\. .* cloud metadata service/),
    );
    assert.equal(receiver.connections(), 1);
  });

  it('is not reached by a redirect, which is the result', async () => {
    const secret = await opened.http((_, response) => response.end('secret'));
    for (const status of [301, 302, 303, 307, 308]) {
      const receiver = await opened.http((_, response) =>
        response.writeHead(status, { location: secret.url }).end()
      );
      const response = await opened.sender().send(get(receiver.url), LIMITS, unaborted());
      assert.deepEqual([response.status, response.headers], [status, { location: secret.url }]);
    }
    assert.equal(secret.connections(), 0);
  });
});

describe('a proxy', () => {
  const VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
  const before = VARIABLES.map((name) => [name, process.env[name]] as const);
  afterEach(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('of the environment is not used', async () => {
    const proxy = await opened.http((_, response) => response.end('by the proxy'));
    const receiver = await opened.http((_, response) => response.end('reached'));
    for (const name of VARIABLES) process.env[name] = proxy.url;
    const resolve = async () => ['127.0.0.1'];
    const sender = opened.sender({ resolve });
    for (const host of ['127.0.0.1', 'jobs.example']) {
      const response = await sender.send(get(`http://${host}:${receiver.port}/`), LIMITS, unaborted());
      assert.equal(response.bodyText, 'reached');
    }
    await assert.rejects(
      opened.sender({ targets: NONE, resolve }).send(get('http://jobs.example/'), LIMITS, unaborted()),
      failure('refused_target', /loopback/),
    );
    assert.equal(proxy.connections(), 0);
  });
});

describe('a request that can not be sent', () => {
  const bad: [what: string, request: Parameters<typeof get>, sentence: RegExp][] = [
    [
      'to a Unix socket',
      ['unix:/var/run/docker.sock'],
      /^The URL begins with unix:, but requests are sent to http:/,
    ],
    ['to a file', ['file:///etc/passwd'], /^The URL begins with file:,/],
    ['to no URL', ['jobs.example/run?token=s3cret'], /^The URL is not valid; write one such as https:/],
    ['to a bad port', ['http://jobs.example:99999/'], /^The URL is not valid/],
    [
      'with a password in its URL',
      ['http://me:s3cret@jobs.example/'],
      /^The URL has a user name or a password in it/,
    ],
    [
      'with a header that is none',
      ['http://a/', { headers: { 'a b': 's3cret' } }],
      /^"a b" is not the name of a header\.$/,
    ],
    [
      'with a second header in one',
      ['http://a/', { headers: { 'x-a': 's3cret\r\nx-b: 1' } }],
      /^The header x-a has .* at position 7: a line break/,
    ],
    [
      'with a letter beyond Latin-1',
      ['http://a/', { headers: { 'x-a': '日' } }],
      /^The header x-a has .* position 1/,
    ],
    [
      'with its own host',
      ['http://a/', { headers: { Host: 'b' } }],
      /^The header Host can't be set: it follows from the URL/,
    ],
    [
      'with its own length',
      ['http://a/', { headers: { 'content-length': '3' } }],
      /^The header content-length can't be set/,
    ],
    ['with its own encoding', ['http://a/', { headers: { 'Transfer-Encoding': 'chunked' } }], /can't be set/],
    ['with an upgrade', ['http://a/', { headers: { upgrade: 'websocket' } }], /can't be set/],
    ['with compressed answers', ['http://a/', { headers: { 'accept-encoding': 'gzip' } }], /can't be set/],
  ];
  for (const [what, request, sentence] of bad) {
    it(what, async () => {
      await assert.rejects(opened.sender().send(get(...request), LIMITS, unaborted()), (error: Error) => {
        assert.ok(!error.message.includes('s3cret'), error.message);
        return failure('request', sentence)(error);
      });
    });
  }
});
