import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type HttpRequest, requestOf, secretsOf } from '../../../src/domain/actions/httpRequest.ts';
import { http, parsed, valuesOf } from './httpSetup.ts';

const SECRETS: Record<string, string> = {
  TOKEN: 't0k3n',
  NAME: '{{run.id}} "\\ ü',
  LONG: 'x'.repeat(65_536),
};

/** The request of an action for the run of `valuesOf`. */
function request(action: Record<string, unknown>, scheduleName?: string, secrets = SECRETS): HttpRequest {
  return requestOf(parsed(http(action)), valuesOf(scheduleName), (name) => {
    const secret = secrets[name];
    return secret ?? assert.fail(`asked for ${name}`);
  });
}

describe('the request of an attempt', () => {
  it('is the action with its placeholders filled in', () => {
    const action = {
      method: 'PATCH',
      url: 'https://example.com/{{schedule.id}}/{{run.id}}?at={{run.scheduled_for}}&name={{schedule.name}}',
      headers: { 'Authorization': 'Bearer {{secret.TOKEN}}', 'X-Attempt': '{{run.attempt}}' },
      body: { id: '{{run.id}}', n: 1, list: ['{{secret.NAME}}', null], name: '{{schedule.name}}' },
    };
    assert.deepEqual(request(action, 'a "b" & c/d'), {
      method: 'PATCH',
      url: 'https://example.com/s/s%402030-01-01T00%3A00%3A00.000Z?at=2030-01-01T00%3A00%3A00.000Z' +
        '&name=a%20%22b%22%20%26%20c%2Fd',
      headers: {
        'Content-Type': 'application/json',
        'Authorization': 'Bearer t0k3n',
        'X-Attempt': '2',
      },
      body:
        '{"id":"s@2030-01-01T00:00:00.000Z","n":1,"list":["{{run.id}} \\"\\\\ ü",null],"name":"a \\"b\\" & c/d"}',
    });
  });

  it('has the type of its body, unless the action says it', () => {
    const typeOf = (action: Record<string, unknown>) => request(action).headers;
    assert.deepEqual(typeOf({ body: 'a' }), { 'Content-Type': 'text/plain; charset=utf-8' });
    assert.deepEqual(typeOf({ body: null }), { 'Content-Type': 'application/json' });
    assert.deepEqual(typeOf({ body: '[]', headers: { 'content-TYPE': 'a/b' } }), { 'content-TYPE': 'a/b' });
    assert.deepEqual(typeOf({}), {});
  });

  it('has a text as it is written, JSON as JSON, and no body without one', () => {
    assert.equal(request({ body: '{"a": {{run.attempt}} }' }).body, '{"a": 2 }');
    assert.equal(request({ body: '' }).body, '');
    assert.equal(request({ body: null }).body, 'null');
    assert.equal(
      request({ body: { [JSON.parse('"__proto__"')]: '{{run.attempt}}' } }).body,
      '{"__proto__":"2"}',
    );
    assert.equal(request({}).body, null);
  });

  it('has {{ for {{braces}}, percent-encoded in its URL', () => {
    const { url, headers, body } = request({
      url: 'https://example.com/{{braces}}',
      headers: { a: '{{braces}}' },
      body: '{{braces}}',
    });
    assert.deepEqual([url, headers.a, body], ['https://example.com/%7B%7B', '{{', '{{']);
  });

  it('has in its headers what ASCII can carry of a name, and the rest percent-encoded', () => {
    const header = (name: string) => request({ headers: { a: '[{{schedule.name}}]' } }, name).headers.a;
    assert.equal(header('Zürich 100 % 😀'), '[Z%C3%BCrich 100 %25 %F0%9F%98%80]');
    assert.equal(header('a\r\nb'), '[a%0D%0Ab]');
  });

  it('is not made when a secret would split it', () => {
    for (const secret of ['a\nb', 'a\r', '\0', 'ü']) {
      assert.throws(
        () => request({ headers: { 'X-Key': '{{secret.KEY}}' } }, 'n', { KEY: secret }),
        /^Error: The secret KEY can't be sent in the header X-Key: it has a line break or a character that is not ASCII\.$/,
      );
    }
  });

  it('is not made when a name would lead to another path', () => {
    const action = { url: 'https://example.com/a/{{schedule.name}}/b?c={{schedule.name}}' };
    for (const name of ['.', '..']) {
      assert.throws(
        () => request(action, name),
        { message: `A placeholder makes "${name}" a part of the URL's path, which would lead elsewhere.` },
      );
    }
    assert.equal(request(action, '...').url, 'https://example.com/a/.../b?c=...');
    assert.throws(() => request({ url: 'https://example.com/.{{schedule.name}}' }), /would lead elsewhere/);
  });

  it('is not made beyond its limits', () => {
    assert.throws(
      () => request({ url: `https://example.com/?${'{{schedule.name}}'.repeat(100)}` }, 'n'.repeat(256)),
      { message: 'The URL has 25621 characters with its placeholders filled in; at most 8192 are allowed.' },
    );
    assert.throws(
      () => request({ headers: { a: '{{secret.LONG}}' } }),
      {
        message:
          'The header a has 65536 characters with its placeholders filled in; at most 8192 are allowed.',
      },
    );
    assert.throws(
      () => request({ body: Array.from({ length: 5 }, () => '{{secret.LONG}}') }),
      {
        message:
          'The placeholders of the request stand for more than 262144 characters, as many as are allowed.',
      },
    );
    assert.equal(request({ body: '{{secret.LONG}}'.repeat(4) }).body?.length, 262_144);
  });

  it('needs the secrets of its signatures, its headers and its body, each once', () => {
    const action = parsed(http({
      url: 'https://example.com/{{run.id}}',
      headers: { a: '{{secret.A}} {{secret.B}}' },
      body: [{ b: '{{secret.B}}' }, '{{ secret.C }}', '{{run.id}}'],
      signing: { secrets: ['OLD', 'A'] },
    }));
    assert.deepEqual(secretsOf(action), ['OLD', 'A', 'B', 'C']);
    assert.deepEqual(secretsOf(parsed(http())), []);
  });
});

describe('whatever a schedule and its secrets are called', () => {
  const value = fc.string({
    unit: fc.oneof(
      fc.constantFrom(
        '"',
        '\\',
        '{',
        '}',
        '{{run.id}}',
        '{{secret.TOKEN}}',
        '/',
        '..',
        '?',
        '#',
        '@',
        '%',
        '\r',
        '\n',
      ),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    ),
    maxLength: 10,
  });
  const placeholder = fc.constantFrom(
    '{{schedule.name}}',
    'a {{schedule.name}} b',
    '{{secret.TOKEN}}',
    '{{run.attempt}}',
    'a "quoted" \\ text',
  );
  const key = fc.string({ maxLength: 5 }).filter((name) => !/\{\{|\0|_bsontype|\$id/.test(name));
  const { body } = fc.letrec((tie) => ({
    body: fc.oneof(
      { depthSize: 'small' },
      placeholder,
      fc.constantFrom(null, true, 0.5),
      fc.array(tie('body'), { maxLength: 3 }),
      fc.dictionary(key, tie('body'), { maxKeys: 3 }),
    ),
  }));

  /** The same value with its strings replaced. */
  function withStrings(json: unknown, replace: (text: string) => string): unknown {
    if (typeof json === 'string') return replace(json);
    if (typeof json !== 'object' || json === null) return json;
    if (Array.isArray(json)) return json.map((part) => withStrings(part, replace));
    return Object.fromEntries(Object.entries(json).map(([name, part]) => [name, withStrings(part, replace)]));
  }

  it('the body keeps its structure, and each string has the values as they are', () => {
    fc.assert(fc.property(body, value, value, (written, name, secret) => {
      fc.pre(typeof written !== 'string');
      const sent = request({ body: written }, name, { TOKEN: secret }).body!;
      const expected = withStrings(
        written,
        (text) =>
          text.split('{{schedule.name}}').join('\u0000n').split('{{secret.TOKEN}}').join('\u0000s')
            .split('{{run.attempt}}').join('2').split('\u0000n').join(name).split('\u0000s').join(secret),
      );
      assert.deepEqual(JSON.parse(sent), JSON.parse(JSON.stringify(expected)));
    }));
  });

  it('the URL leads to the same host and to a path of as many parts, with the values in it', () => {
    fc.assert(fc.property(value, (name) => {
      fc.pre(name !== '.' && name !== '..');
      const { url } = request({ url: 'https://example.com/a/{{schedule.name}}/b?c={{schedule.name}}' }, name);
      const { origin, pathname, searchParams, hash } = new URL(url);
      assert.equal(origin + hash, 'https://example.com');
      assert.deepEqual(pathname.split('/').map(decodeURIComponent), ['', 'a', name, 'b']);
      assert.deepEqual([...searchParams], [['c', name]]);
    }));
  });

  it('a header is one line of ASCII', () => {
    fc.assert(fc.property(value, (name) => {
      const { a } = request({ headers: { a: '[{{schedule.name}}]' } }, name).headers;
      assert.match(a!, /^[\x20-\x7e]+$/);
      assert.equal(decodeURIComponent(a!), `[${name}]`);
    }));
  });
});
