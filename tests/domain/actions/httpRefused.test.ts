import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { http, problemsWith } from './httpSetup.ts';

describe('an http action that is refused', () => {
  const example = 'write one such as "https://example.com/hook"';
  const names = 'the names are schedule.id, schedule.name, schedule.revision, run.id, run.scheduled_for, ' +
    'run.attempt, run.trigger';
  const braces = '{{braces}} stands for {{ itself';

  const urls: [string, string][] = [
    ['', `"" is not a URL; ${example}`],
    ['example.com/hook', `"example.com/hook" is not a URL; ${example}`],
    ['https:/example.com', `"https:/example.com" is not a URL; ${example}`],
    ['https://', `"https://" is not a URL; ${example}`],
    ['https:///path', `"https:///path" is not a URL; ${example}`],
    ['https:///{{schedule.name}}', `"https:///{{schedule.name}}" is not a URL; ${example}`],
    ['http://a:99999/', `"http://a:99999/" is not a URL; ${example}`],
    ['http://a b/', 'has white space; write a blank as %20'],
    [' https://example.com', 'has white space; write a blank as %20'],
    ['https://example.com/\r\nX: y', 'has white space; write a blank as %20'],
    ['https://example.com/\0', 'has a control character, U+0000; leave it out'],
    [
      'https://example.com/\ud800',
      'has half of a character, the lone surrogate U+D800; write whole Unicode characters',
    ],
    ['https:\\\\example.com\\a', 'has a backslash; write / between the parts of a path'],
    ['ftp://example.com/', 'has the scheme "ftp"; write https or http'],
    ['javascript://a', 'has the scheme "javascript"; write https or http'],
    [
      'https://user:password@example.com/',
      'has a user name or a password; send them in the header Authorization, from a secret',
    ],
    [
      'https://@example.com/',
      'has a user name or a password; send them in the header Authorization, from a secret',
    ],
    [
      'https://{{schedule.id}}.example.com/',
      'has a placeholder in the host; it may stand in path and query only',
    ],
    [
      'https://example.com:{{run.attempt}}/',
      'has a placeholder in the host; it may stand in path and query only',
    ],
    ['{{schedule.name}}://example.com/', `"{{schedule.name}}://example.com/" is not a URL; ${example}`],
    ['https://example.com/#top', 'has a fragment, which is never sent; leave it out, or write # as %23'],
    ['https://example.com/a/../b', 'has ".." as a part of its path; write the path that it leads to'],
    ['https://example.com/a/%2E.', 'has "%2E." as a part of its path; write the path that it leads to'],
    ['https://example.com/{{x}}', `has "{{x}}", a name that is not known; ${names}; ${braces}`],
    [
      'https://example.com/{{run.id',
      `has "{{run.id", where {{ opens no placeholder such as {{run.id}}; ${names}; ${braces}`,
    ],
    [
      'https://example.com/?key={{secret.KEY}}',
      'has a secret, "secret.KEY"; it may stand in a header\'s value or in the body only',
    ],
    [`https://example.com/${'a'.repeat(2029)}`, 'has 2049 characters; at most 2048 are allowed'],
  ];
  for (const [url, problem] of urls) {
    it(`for its URL, ${JSON.stringify(url.slice(0, 60))}`, () => {
      assert.deepEqual(problemsWith(http({ url })), [['/action/url', `action.url: ${problem}`]]);
    });
  }

  const token =
    "the name of this header has a character that is not allowed; write A-Z a-z 0-9 - . _ ! # $ % & ' * + ^ ` | ~";
  const ofConnection =
    'the name of this header belongs to the connection, which the sender manages; leave it out';
  const own = (prefix: string) =>
    `the name of this header begins with ${prefix}, as those that hascheduler sets; choose another one`;
  const character = (point: string) =>
    `has the character ${point}, but a header's value is one line of ASCII; leave it out or encode it`;
  const headers: [string, unknown, string][] = [
    ['', 'a', 'the name of this header is empty'],
    ['a b', 'a', token],
    ['a:', 'a', token],
    ['a\r\nb', 'a', token],
    ['ü', 'a', token],
    ['n'.repeat(129), 'a', 'the name of this header has 129 characters; at most 128 are allowed'],
    ['Host', 'a', 'the name of this header is Host, which follows from the URL; leave it out'],
    [
      'CONTENT-LENGTH',
      '1',
      'the name of this header is Content-Length, which follows from the body; leave it out',
    ],
    ...[
      ...['Connection', 'Keep-Alive', 'Proxy-Authorization', 'proxy-x', 'TE', 'Trailer'],
      ...['Transfer-Encoding', 'Upgrade', 'Expect', 'HTTP2-Settings'],
    ].map((name): [string, string, string] => [name, 'a', ofConnection]),
    ['Webhook-Id', 'a', own('webhook-')],
    ['X-Hascheduler-Anything', 'a', own('x-hascheduler-')],
    ['ce-id', 'a', own('ce-')],
    ['a', 'b\r\nc', character('U+000D')],
    ['a', 'b\nc', character('U+000A')],
    ['a', 'b\0', character('U+0000')],
    ['a', 'Zürich', character('U+00FC')],
    ['a', '😀', character('U+1F600')],
    ['a', ' b', 'begins or ends with a blank, which receivers drop; leave it out'],
    ['a', 'b\t', 'begins or ends with a blank, which receivers drop; leave it out'],
    ['a', 'v'.repeat(4097), 'has 4097 characters; at most 4096 are allowed'],
    ['a', 5, 'expected a string, found a number'],
    ['a', '{{x}}', `has "{{x}}", a name that is not known; ${names}, secret.NAME; ${braces}`],
  ];
  for (const [name, value, problem] of headers) {
    it(`for its header ${JSON.stringify(name.slice(0, 40))}: ${JSON.stringify(value)!.slice(0, 40)}`, () => {
      const found = problemsWith(http({ headers: { [name]: value } }));
      assert.deepEqual(found.map(([pointer]) => pointer), [`/action/headers/${name}`]);
      assert.ok(found[0]![1].endsWith(`: ${problem}`), found[0]![1]);
    });
  }

  const string = 'write the body as a string of JSON, with the header Content-Type';
  const inexact = 'is a number beyond ±9007199254740991, which is not read exactly; write it as a string';
  const others: [string, unknown, [string, string][]][] = [
    ['for its missing URL', { type: 'http' }, [
      ['/action/url', 'action.url: is missing; write a URL such as "https://example.com/hook"'],
    ]],
    ['for a URL that is no string', http({ url: 1 }), [
      ['/action/url', 'action.url: expected a URL such as "https://example.com/hook", found a number'],
    ]],
    ['for an unknown field', http({ timeout: '3s' }), [[
      '/action/timeout',
      'action.timeout: is not known; the fields of an http action are type, method, url, headers, body, success, ' +
      'signing, cloud_events',
    ]]],
    ['for its method', http({ method: 'post' }), [[
      '/action/method',
      'action.method: expected one of "POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", found "post"',
    ]]],
    ['for headers that are no map', http({ headers: ['a'] }), [[
      '/action/headers',
      'action.headers: expected an object of strings such as {"Accept": "text/plain"}, found an array',
    ]]],
    ['for a header written twice', http({ headers: { 'X-A': 'a', 'x-a': 'b' } }), [[
      '/action/headers/x-a',
      'action.headers.x-a: is the same header as "X-A"; upper and lower case don\'t matter',
    ]]],
    [
      'for too many headers',
      http({ headers: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`x-${index}`, ''])) }),
      [['/action/headers', 'action.headers: has 51 headers; at most 50 are allowed']],
    ],
    [
      'for headers that are too long together',
      http({ headers: { a: 'v'.repeat(4096), b: 'v'.repeat(4096), c: 'v'.repeat(4094) } }),
      [['/action/headers', 'action.headers: has 12289 characters in all; at most 12288 are allowed']],
    ],
    ['for placeholders deep in its body', http({ body: { user: ['{{x}}', { id: 'a {{' }] } }), [
      [
        '/action/body/user/0',
        `action.body.user[0]: has "{{x}}", a name that is not known; ${names}, secret.NAME; ${braces}`,
      ],
      [
        '/action/body/user/1/id',
        `action.body.user[1].id: has "{{", where {{ opens no placeholder such as {{run.id}}; ${names}, secret.NAME; ${braces}`,
      ],
    ]],
    ['for names in its body', http({ body: { '{{run.id}}': 1, 'a\0': 1, '_bsontype': 1, '\ud800': 1 } }), [
      [
        '/action/body/{{run.id}}',
        `action.body["{{run.id}}"]: the name of a field has no placeholders; ${string}`,
      ],
      [
        '/action/body/a\0',
        `action.body["a\\u0000"]: the name of this field has the character U+0000; ${string}`,
      ],
      [
        '/action/body/_bsontype',
        `action.body._bsontype: "_bsontype" can't be stored as the name of a field here; ${string}`,
      ],
      [
        '/action/body/\ud800',
        'action.body["\\ud800"]: has half of a character, the lone surrogate U+D800; write whole Unicode characters',
      ],
    ]],
    ['for a reference of the database', http({ body: { x: { $ref: 'a', $id: 1 } } }), [
      [
        '/action/body/x/$id',
        `action.body.x["$id"]: "$id" can't be stored as the name of a field here; ${string}`,
      ],
    ]],
    ['for numbers that JSON cuts', http({ body: JSON.parse('[1e400, 12345678901234567890, 1e20]') }), [
      ['/action/body/0', `action.body[0]: ${inexact}`],
      ['/action/body/1', `action.body[1]: ${inexact}`],
      ['/action/body/2', `action.body[2]: ${inexact}`],
    ]],
    ['for a body that is too long', http({ body: 'ü'.repeat(32_769) }), [
      ['/action/body', 'action.body: has 65538 bytes; at most 65536 are allowed'],
    ]],
    ['for a body that is too long as JSON', http({ body: ['\n'.repeat(32_767)] }), [
      ['/action/body', 'action.body: has 65538 bytes; at most 65536 are allowed'],
    ]],
    ['for a body with GET', http({ method: 'GET', body: null }), [
      ['/action/body', "action.body: can't be sent by GET; leave it out, or choose another method"],
    ]],
    ['for a body with HEAD, beside other problems', http({ method: 'HEAD', body: 'a', cloud_events: 1 }), [
      ['/action/cloud_events', 'action.cloud_events: expected true or false, found a number'],
      ['/action/body', "action.body: can't be sent by HEAD; leave it out, or choose another method"],
    ]],
    ['for a status that is no list', http({ success: 200 }), [
      [
        '/action/success',
        'action.success: expected an array of statuses such as [200, "3xx"], found a number',
      ],
    ]],
    ['for no status', http({ success: [] }), [
      ['/action/success', 'action.success: has 0 statuses; write 1 to 50'],
    ]],
    ['for too many statuses', http({ success: Array.from({ length: 51 }, () => 200) }), [
      ['/action/success', 'action.success: has 51 statuses; write 1 to 50'],
    ]],
    ['for its statuses', http({ success: [199, 600, 200.5, '200', '1xx', null] }), [
      ['/action/success/0', 'action.success[0]: 199 is not a whole number from 200 to 599'],
      ['/action/success/1', 'action.success[1]: 600 is not a whole number from 200 to 599'],
      ['/action/success/2', 'action.success[2]: 200.5 is not a whole number from 200 to 599'],
      ['/action/success/3', 'action.success[3]: is a string; write 200 without quotes'],
      ['/action/success/4', 'action.success[4]: expected one of "2xx", "3xx", "4xx", "5xx", found "1xx"'],
      [
        '/action/success/5',
        'action.success[5]: expected a number from 200 to 599 or one of "2xx", "3xx", "4xx", "5xx", found null',
      ],
    ]],
    ['for a signing without secrets', http({ signing: { secret: 'A' } }), [
      [
        '/action/signing/secrets',
        'action.signing.secrets: is missing; write an array of names of secrets such as ["BILLING"]',
      ],
      ['/action/signing/secret', 'action.signing.secret: is not known; the fields of a signing are secrets'],
    ]],
    ['for no secret', http({ signing: { secrets: [] } }), [
      ['/action/signing/secrets', 'action.signing.secrets: has 0 names; write 1, or 2 during a rotation'],
    ]],
    ['for three secrets', http({ signing: { secrets: ['A', 'B', 'C'] } }), [
      ['/action/signing/secrets', 'action.signing.secrets: has 3 names; write 1, or 2 during a rotation'],
    ]],
    ['for the same secret twice', http({ signing: { secrets: ['A', 'A'] } }), [
      ['/action/signing/secrets/1', 'action.signing.secrets[1]: is the first one again; leave it out'],
    ]],
    ['for the names of secrets', http({ signing: { secrets: ['../a', 1] } }), [
      [
        '/action/signing/secrets/0',
        'action.signing.secrets[0]: "../a" can\'t name a secret; write 1 to 64 of A-Z 0-9 _',
      ],
      [
        '/action/signing/secrets/1',
        'action.signing.secrets[1]: expected the name of a secret, a string, found a number',
      ],
    ]],
  ];
  for (const [what, action, problems] of others) {
    it(what, () => assert.deepEqual(problemsWith(action), problems));
  }

  it('for a body that is too deep, however deep', () => {
    for (const depth of [33, 100_000]) {
      const body = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
      const [[pointer, detail] = [], ...more] = problemsWith(http({ body }));
      assert.equal(pointer, `/action/body${'/0'.repeat(32)}`);
      assert.match(detail!, /: lies deeper than 32 objects and arrays, as many as are allowed$/);
      assert.deepEqual(more, []);
    }
  });

  it('with at most 100 problems', () => {
    const body = Array.from({ length: 500 }, () => '{{x}}');
    const problems = problemsWith(http({ body }));
    assert.equal(problems.length, 101);
    assert.deepEqual(problems.at(-1), ['', 'the body: there are more problems than these 100']);
  });

  it('never by an exception, and never without a field or a sentence', () => {
    const part = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }));
    fc.assert(fc.property(part, fc.constantFrom('POST', 'GET', 7), (value, method) => {
      const actions = [
        value,
        http({ method, url: value, headers: value, body: value }),
        http({ method, success: value, signing: value, cloud_events: value }),
        http({ headers: { a: value }, signing: { secrets: value } }),
      ];
      for (const [pointer, detail] of actions.flatMap(problemsWith)) {
        assert.match(pointer, /^\/action/);
        assert.match(detail, /^action.*: .+/s);
      }
    }));
  });
});
