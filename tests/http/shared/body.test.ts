import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOURLY, json, problem, send, testApi } from '../support.ts';

const CRON = JSON.stringify(HOURLY);

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return (await testApi()).app.request('/schedules', { method: 'POST', body, headers });
}

/** A body without a Content-Length. */
function chunked(chunk: Uint8Array<ArrayBuffer>, times: number): Request {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent++ < times) controller.enqueue(chunk);
      else controller.close();
    },
  });
  return new Request('http://localhost/schedules', { method: 'POST', body, duplex: 'half' } as RequestInit);
}

describe('unfinished request bodies', () => {
  it('take bounded memory: beyond it others are refused, until some have ended', async () => {
    const { app } = await testApi();
    const half = new Uint8Array(1024 * 1024 - 1).fill(0x20);
    const ends: (() => void)[] = [];
    const unfinished = () =>
      app.request(
        new Request('http://localhost/schedules', {
          method: 'POST',
          duplex: 'half',
          body: new ReadableStream<Uint8Array>({
            start(controller) {
              controller.enqueue(half);
              ends.push(() => controller.close());
            },
          }),
        } as RequestInit),
      );
    const answers = Array.from({ length: 40 }, unfinished);
    const first = await Promise.race(answers);
    assert.equal(first.headers.get('retry-after'), '2');
    await problem(first, 503);
    for (const end of ends) end();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.deepEqual([...new Set(statuses)].toSorted(), [400, 503]);
    assert.ok(statuses.filter((status) => status === 400).length >= 31);
    assert.equal((await send(app, 'POST', '/schedules', HOURLY)).status, 201);
  });
});

describe('a body that is not JSON', () => {
  const bad: [string, string, string | RegExp][] = [
    ['nothing', '', 'the body is empty; send a JSON object'],
    ['blanks', ' \n\t', 'the body is empty; send a JSON object'],
    ['words', 'not json', /^the body is not JSON: Unexpected token/],
    [
      'half an object',
      '{"type":',
      'the body is not JSON: Unexpected end of JSON input at line 1, column 9',
    ],
    [
      'a missing comma',
      '{\n  "type": "cron"\n  "name": "x"\n}',
      "the body is not JSON: Expected ',' or '}' after property value at line 3, column 3",
    ],
  ];
  for (const [what, body, sentence] of bad) {
    it(`answers 400 to ${what}, with its position`, async () => {
      const { detail } = await problem(post(body), 400);
      if (typeof sentence === 'string') assert.equal(detail, sentence);
      else assert.match(detail, sentence);
    });
  }

  it('answers 400 to bytes that are not UTF-8', async () => {
    const { detail } = await problem(post(new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])), 400);
    assert.equal(detail, 'the body is not JSON: its bytes are not valid UTF-8');
  });

  it('answers 400 when the connection ends within the body', async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error('reset')) });
    const request = new Request('http://localhost/schedules', {
      method: 'POST',
      body,
      duplex: 'half',
    } as RequestInit);
    const { detail } = await problem((await testApi()).app.request(request), 400);
    assert.equal(detail, 'the connection ended before the end of the body');
  });
});

describe('the type of a body', () => {
  const good = [
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/merge-patch+json',
    'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded',
  ];
  for (const type of good) {
    it(`may be ${type}`, async () => {
      assert.equal((await post(CRON, { 'content-type': type })).status, 201);
    });
  }

  it('may be omitted', async () => {
    const request = new Request('http://localhost/schedules', {
      method: 'POST',
      body: new TextEncoder().encode(CRON),
    });
    assert.equal(request.headers.get('content-type'), null);
    assert.equal((await (await testApi()).app.request(request)).status, 201);
  });

  for (const type of ['multipart/form-data; boundary=x', 'application/xml', 'application/jsonx', 'json']) {
    it(`may not be ${type}`, async () => {
      const { detail } = await problem(post(CRON, { 'content-type': type }), 415);
      assert.equal(
        detail,
        `the body is of type ${type.split(';')[0]}; send JSON, with Content-Type: application/json`,
      );
    });
  }

  it('may not be compressed', async () => {
    const { detail } = await problem(post(CRON, { 'content-encoding': 'gzip' }), 415);
    assert.equal(detail, 'the body is encoded with gzip; send it uncompressed, without Content-Encoding');
  });
});

describe('the size of a body', () => {
  const MIB = 1024 * 1024;
  const TOO_LARGE = 'the body is larger than 1 MiB (1048576 bytes)';

  it('may be 1 MiB', async () => {
    assert.equal((await post(CRON.padEnd(MIB))).status, 201);
  });

  it('may not be one byte more, and the connection is then closed', async () => {
    const response = await post(CRON.padEnd(MIB + 1));
    assert.equal(response.headers.get('connection'), 'close');
    assert.equal((await problem(response, 413)).detail, TOO_LARGE);
  });

  it('is refused by its Content-Length, unread', async () => {
    const { app } = await testApi();
    const { detail } = await problem(
      app.request('/schedules', {
        method: 'POST',
        body: CRON,
        headers: { 'content-length': String(2 * MIB) },
      }),
      413,
    );
    assert.equal(detail, TOO_LARGE);
  });

  it('is counted without a Content-Length, and read no further than the limit', async () => {
    const request = chunked(new Uint8Array(MIB / 4).fill(0x20), Infinity);
    assert.equal((await problem((await testApi()).app.request(request), 413)).detail, TOO_LARGE);
  });

  it('does not matter in many chunks, which are joined in order', async () => {
    const bytes = new TextEncoder().encode(CRON);
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.slice(at, at += 7));
        else controller.close();
      },
    });
    const request = new Request('http://localhost/schedules', {
      method: 'POST',
      body,
      duplex: 'half',
    } as RequestInit);
    assert.equal((await (await testApi()).app.request(request)).status, 201);
  });
});

describe('malicious JSON', () => {
  const keys: [string, string, string][] = [
    ['{"definition":{"__proto__":{"paused":true}}}', '/definition/__proto__', '"__proto__"'],
    ['{"tags":[{"~/\\u0000":1}]}', '/tags/0/~0~1\0', '"~/\\u0000"'],
  ];
  for (const [body, pointer, key] of keys) {
    it(`is refused with the key ${key}`, async () => {
      const { errors } = await problem(post(body), 422);
      assert.deepEqual(errors, [{ pointer, detail: `the key ${key} is not allowed` }]);
    });
  }

  it('is refused when it is nested too deeply', async () => {
    const depth = 500_000;
    const { detail } = await problem(post('['.repeat(depth) + ']'.repeat(depth)), 422);
    assert.equal(detail, 'the body is nested deeper than 32 levels');
  });

  it('may repeat a key: the last one counts', async () => {
    const { app } = await testApi();
    const created = await json(
      send(
        app,
        'POST',
        '/schedules',
        '{"type":"cron","definition":{"cron_expression":"@daily"},"name":"a","name":"b"}',
      ),
    );
    assert.equal(created.name, 'b');
  });
});
