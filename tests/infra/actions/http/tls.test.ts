import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { afterEach, describe, it } from 'node:test';
import { authority, type CertificateOptions, type Identity, selfSigned } from './certificates.ts';
import { failure, get, LIMITS, Opened, unaborted } from './support.ts';

const DAY_MS = 86_400_000;
const NAMED: CertificateOptions = { names: ['jobs.example'], addresses: ['127.0.0.1'] };

const opened = new Opened();
afterEach(() => opened.end());

const resolve = async () => ['127.0.0.1'];

/** A receiver with that certificate, which answers with the name that the client asked for. */
async function receiver(identity: Identity) {
  const seen: (string | false | null)[] = [];
  const server = createServer({ key: identity.key, cert: identity.cert }, (request, response) => {
    const { servername } = request.socket as unknown as { servername: string | false | null };
    seen.push(servername);
    response.end('over TLS');
  });
  return { ...await opened.listen(server), seen };
}

describe('https', () => {
  const ca = authority();

  it('reaches a receiver whose certificate has its name, whatever address that has', async () => {
    const { port, seen } = await receiver(ca.issue(NAMED));
    const sender = opened.sender({ resolve, ca: ca.cert });
    for (const host of ['jobs.example', 'JOBS.example', 'jobs.example.']) {
      const response = await sender.send(get(`https://${host}:${port}/`), LIMITS, unaborted());
      assert.equal(response.bodyText, 'over TLS');
      assert.equal(seen.at(-1), 'jobs.example', 'the name for the certificate has no dot at its end');
    }
  });

  it('reaches a receiver whose certificate has its address', async () => {
    const { port } = await receiver(ca.issue(NAMED));
    const sender = opened.sender({ ca: ca.cert });
    const response = await sender.send(get(`https://127.0.0.1:${port}/`), LIMITS, unaborted());
    assert.equal(response.status, 200);
  });

  // Deno tells less apart, and its sentences say so.
  const bad: [what: string, identity: () => Identity, sentence: RegExp][] = [
    [
      'is self-signed',
      () => selfSigned(NAMED),
      /is self-signed, and not among those that this replica trusts\.$/,
    ],
    [
      'is from an unknown authority',
      () => authority('another authority').issue(NAMED),
      /(from an|missing, or this replica does not trust that) authority/,
    ],
    [
      'has expired',
      () => ca.issue({ ...NAMED, notBeforeMs: Date.now() - 2 * DAY_MS, notAfterMs: Date.now() - DAY_MS }),
      /has expired/,
    ],
    [
      'is not valid yet',
      () => ca.issue({ ...NAMED, notBeforeMs: Date.now() + DAY_MS, notAfterMs: Date.now() + 2 * DAY_MS }),
      /is not valid yet/,
    ],
    ['is for another name', () => ca.issue({ names: ['other.example'] }), /is for another name\.$/],
  ];
  for (const [what, identity, sentence] of bad) {
    it(`fails with a sentence when the certificate ${what}, before anything is sent`, async () => {
      const { port, seen } = await receiver(identity());
      const sender = opened.sender({ resolve, ca: ca.cert });
      await assert.rejects(
        sender.send(get(`https://jobs.example:${port}/`), LIMITS, unaborted()),
        failure('tls', new RegExp(`^The certificate of jobs\\.example:${port} .*${sentence.source}`)),
      );
      assert.deepEqual(seen, []);
    });
  }

  it('trusts no unknown authority by default', async () => {
    const { port } = await receiver(ca.issue(NAMED));
    await assert.rejects(
      opened.sender({ resolve }).send(get(`https://jobs.example:${port}/`), LIMITS, unaborted()),
      failure('tls', /^The certificate of jobs\.example:\d+ .* authority/),
    );
  });

  it('fails with a sentence when the receiver speaks plain HTTP', async () => {
    const { port } = await opened.raw((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await assert.rejects(
      opened.sender().send(get(`https://127.0.0.1:${port}/`), LIMITS, unaborted()),
      failure('tls', `127.0.0.1:${port} does not speak TLS on that port; is its URL http instead of https?`),
    );
  });

  it('fails with a sentence when the receiver closes the connection in the handshake', async () => {
    const { port } = await opened.raw((socket) => socket.destroy());
    await assert.rejects(
      opened.sender({ resolve }).send(get(`https://jobs.example:${port}/`), LIMITS, unaborted()),
      failure('connect', `jobs.example:${port} closed the connection before it was ready. Tried: 127.0.0.1.`),
    );
  });

  it('counts the handshake into the time for a connection', async () => {
    const { port } = await opened.raw(() => {});
    await assert.rejects(
      opened.sender({ connectMs: 30 }).send(get(`https://127.0.0.1:${port}/`), LIMITS, unaborted()),
      failure('timeout', `There was no connection to 127.0.0.1:${port} within 30 ms.`),
    );
  });
});
