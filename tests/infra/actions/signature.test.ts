import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { cloudEventHeaders, signingKey, webhookHeaders } from '../../../src/infra/actions/signature.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OTHER = `whsec_${Buffer.alloc(64, 7).toString('base64')}`;
const EXAMPLE = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampS: 1614265330,
  body: '{"test": 2432232314}',
};

describe('the signature of a request', () => {
  for (const secret of [SECRET, SECRET.replace('whsec_', '')]) {
    it(`is the one of the standard's example: ${secret}`, () => {
      assert.deepEqual(webhookHeaders({ ...EXAMPLE, keys: [signingKey('S', secret)] }), {
        'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        'webhook-timestamp': '1614265330',
        'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      });
    });
  }

  it('is verified by the standard’s library, by each of two keys', () => {
    const body = JSON.stringify({ name: 'ü 😀', at: 1 });
    const keys = [SECRET, OTHER].map((secret) => signingKey('S', secret));
    for (const sent of [body, new TextEncoder().encode(body)]) {
      const headers = webhookHeaders({
        id: 's.1@2030-01-01T00:00:00.000Z',
        timestampS: Date.now() / 1000,
        body: sent,
        keys,
      });
      assert.match(headers['webhook-signature']!, /^v1,[^ ]{44} v1,[^ ]{44}$/);
      for (const secret of [SECRET, OTHER]) {
        assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
      }
      assert.throws(() => new Webhook(SECRET).verify(`${body} `, headers));
      assert.throws(() => new Webhook(randomBytes(32).toString('base64')).verify(body, headers));
      assert.throws(() => new Webhook(SECRET).verify(body, { ...headers, 'webhook-id': 'other' }));
    }
  });

  it('covers the empty text of a request without a body', () => {
    const keys = [signingKey('S', SECRET)];
    const headers = webhookHeaders({ id: 'i', timestampS: 1614265330.9, body: '', keys });
    assert.equal(headers['webhook-timestamp'], '1614265330');
    assert.equal(headers['webhook-signature'], new Webhook(SECRET).sign('i', new Date(1614265330_000), ''));
  });

  it('is left out without a key, but not what tells a repetition', () => {
    assert.deepEqual(webhookHeaders({ ...EXAMPLE, keys: [] }), {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
    });
  });
});

describe('a secret for signatures', () => {
  const base64 = (bytes: number) => Buffer.alloc(bytes, 1).toString('base64');
  const notBase64 =
    'it is not base64 (A-Z a-z 0-9 + /, and = up to a multiple of 4 characters), with whsec_ before it or without';
  const version =
    'it begins with the version of a signature, as in "v1,"; write whsec_ and the key in base64';
  const asymmetric = 'it is an asymmetric key; write whsec_ and a symmetric one in base64';
  const refused: [string, string, string][] = [
    ['too short', `whsec_${base64(23)}`, 'its key has 23 bytes; 24 to 64 are needed'],
    ['too long', base64(65), 'its key has 65 bytes; 24 to 64 are needed'],
    ['nothing', '', 'its key has 0 bytes; 24 to 64 are needed'],
    ['nothing but the prefix', 'whsec_', 'its key has 0 bytes; 24 to 64 are needed'],
    ['with a version', `v1,${SECRET}`, version],
    ['with a version after the prefix', `whsec_v1,${base64(32)}`, version],
    ['asymmetric', `whsk_${base64(32)}`, asymmetric],
    ['public', `whpk_${base64(32)}`, asymmetric],
    ['not base64', 'whsec_correct horse battery staple!', notBase64],
    ['without its padding', `whsec_${base64(25).replaceAll('=', '')}`, notBase64],
    ['in the alphabet for URLs', `whsec_${Buffer.alloc(24, 255).toString('base64url')}`, notBase64],
    ['with bits that mean nothing', `whsec_${base64(25).replace('Q==', 'R==')}`, notBase64],
    ['with a line end', `${SECRET}\n`, notBase64],
    ['with the prefix twice', `whsec_${SECRET}`, notBase64],
  ];
  for (const [what, secret, problem] of refused) {
    it(`that is ${what} is refused, and not shown`, () => {
      assert.throws(() => signingKey('BILLING', secret), {
        message: `The secret BILLING can't sign: ${problem}.`,
      });
    });
  }

  it('may have 24 to 64 bytes', () => {
    for (const bytes of [24, 25, 26, 63, 64]) {
      assert.deepEqual(signingKey('S', base64(bytes)), Buffer.alloc(bytes, 1));
    }
  });
});

describe('a CloudEvent', () => {
  it('has its attributes in headers', () => {
    const headers = cloudEventHeaders({
      runId: 's@2030-01-01T00:00:00.000Z',
      scheduleId: 's',
      scheduledFor: new Date('2030-01-01T00:00:00Z'),
      source: '/hascheduler',
    });
    assert.deepEqual(headers, {
      'ce-specversion': '1.0',
      'ce-type': 'hascheduler.run',
      'ce-source': '/hascheduler',
      'ce-id': 's@2030-01-01T00:00:00.000Z',
      'ce-subject': 's',
      'ce-time': '2030-01-01T00:00:00.000Z',
    });
  });
});
