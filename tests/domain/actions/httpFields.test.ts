import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BSON } from 'mongodb';
import { bodyFindings } from '../../../src/domain/actions/httpBody.ts';
import { httpActionProblem } from '../../../src/domain/actions/httpReading.ts';
import { http, parsed, problemsWith } from './httpSetup.ts';

const defaults = { method: 'POST', headers: {}, success: ['2xx'], cloud_events: false };

describe('an http action in a request', () => {
  it('gets the defaults', () => {
    assert.deepEqual(parsed(http()), { ...defaults, ...http() });
  });

  it('keeps what it says', () => {
    const action = {
      type: 'http',
      method: 'PUT',
      url: 'HTTPS://example.com:8443/a/{{schedule.id}}?at={{ run.scheduled_for }}&x={a}',
      headers: {
        'Authorization': 'Bearer {{secret.API_TOKEN}}',
        'content-type': 'application/vnd.api+json',
        'X-Empty': '',
        "!#$%&'*+-.^_`|~": 'a\tb',
        [JSON.parse('"__proto__"')]: 'kept',
      },
      body: {
        $schema: 'x',
        'a.b': [1, -0.5, true, null, { '': '{{run.id}} "\\\u0000\n' }],
        n: 9007199254740991,
      },
      success: [200, 404, '3xx'],
      signing: { secrets: ['NEW', 'OLD_1'] },
      cloud_events: true,
    };
    assert.deepEqual(parsed(action), action);
    assert.equal(httpActionProblem(parsed(action)), null);
  });

  for (const body of [null, false, 0, '', 'text {{secret.A}}', [], {}]) {
    it(`may have the body ${JSON.stringify(body)}`, () => {
      const action = parsed(http({ body }));
      assert.deepEqual(action, { ...defaults, ...http({ body }) });
      assert.equal(httpActionProblem(action), null);
    });
  }

  for (
    const url of [
      'http://localhost',
      'http://127.0.0.1:9090?a=b',
      'http://[::1]:80/',
      'https://bücher.example/ü?q=%C3%BC',
      'https://example.com/@me/a.b/..a/...',
      `https://example.com/${'a'.repeat(2028)}`,
    ]
  ) {
    it(`may have the URL ${url.slice(0, 60)}`, () => assert.equal(parsed(http({ url })).url, url));
  }

  it('may be as large as the limits allow', () => {
    const headers = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [`x-${index}`, 'v'.repeat(200)]),
    );
    const action = http({
      headers,
      body: 'ü'.repeat(32_768),
      success: Array.from({ length: 50 }, (_, index) => 200 + index),
      signing: { secrets: ['S'.repeat(64)] },
    });
    assert.deepEqual(parsed(action), { ...defaults, ...action });
    assert.deepEqual(problemsWith(http({ headers: { ['n'.repeat(128)]: 'v'.repeat(4096) } })), []);
    let nested: unknown = 1;
    for (let depth = 0; depth < 32; depth++) nested = depth % 2 === 0 ? [nested] : { a: nested };
    assert.deepEqual(problemsWith(http({ body: nested })), []);
  });
});

describe('whatever body is accepted', () => {
  const name = fc.oneof(
    fc.constantFrom('$ref', '$id', '$db', '_bsontype', '__proto__', 'constructor', '', 'a.b', '\0', '{{x}}'),
    fc.string(),
  );
  const scalar = fc.oneof(
    fc.constantFrom('{{run.id}}', '\ud800', '\0', 'DBRef'),
    fc.string(),
    fc.double(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
  );
  const { body } = fc.letrec((tie) => ({
    body: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      scalar,
      fc.array(tie('body'), { maxLength: 4 }),
      fc.dictionary(name, tie('body'), { maxKeys: 4 }),
    ),
  }));

  it('is stored and read back as it was', () => {
    fc.assert(
      fc.property(body, (value) => {
        // As a request or a stored document has it.
        const written: unknown = JSON.parse(JSON.stringify(value));
        if ([...bodyFindings(written)].length > 0) return;
        const { body } = BSON.deserialize(BSON.serialize({ body: written }));
        assert.deepEqual(body, written);
        assert.equal(JSON.stringify(body), JSON.stringify(written));
      }),
      { numRuns: 1000 },
    );
  });
});
