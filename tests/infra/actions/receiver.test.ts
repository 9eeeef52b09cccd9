/** The receiver for trying out webhooks, `npm run receiver`. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterEach, describe, it } from 'node:test';
import { readOptions } from '../../../scripts/receiver/options.ts';
import { lineAbout, type Received, verdictOn } from '../../../scripts/receiver/received.ts';
import { signingKey, webhookHeaders } from '../../../src/infra/actions/signature.ts';
import { PROJECT_DIR, runtimeCommand } from '../../../src/local/runtime.ts';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const [KEY, OTHER_KEY] = [signingKey('S', SECRET), signingKey('S', OTHER)];
const NOW = new Date('2030-01-01T12:00:00.250Z');

const received = (more: Partial<Received> = {}): Received => ({
  method: 'POST',
  path: '/hook',
  headers: {},
  body: new TextEncoder().encode('{"a":1}'),
  at: NOW,
  ...more,
});

const signed = (keys: Uint8Array[], ageS = 0, body = '{"a":1}') =>
  webhookHeaders({ id: 's@1', timestampS: NOW.getTime() / 1000 - ageS, body, keys });

describe('what the receiver thinks of a signature', () => {
  const verdicts: [string, Received['headers'], Uint8Array[], string][] = [
    ['there is none', signed([]), [KEY], 'absent'],
    ['it has no secret', signed([KEY]), [], 'not checked'],
    ['it is by its secret', signed([KEY]), [KEY], 'valid'],
    ['it is by one of its secrets', signed([KEY]), [OTHER_KEY, KEY], 'valid'],
    ['one of two is by its secret', signed([OTHER_KEY, KEY]), [KEY], 'valid'],
    ['it is by another secret', signed([OTHER_KEY]), [KEY], 'invalid'],
    ['the body is another one', signed([KEY], 0, '{"a":2}'), [KEY], 'invalid'],
    ['the id is another one', { ...signed([KEY]), 'webhook-id': 's@2' }, [KEY], 'invalid'],
    ['the time is missing', { ...signed([KEY]), 'webhook-timestamp': '' }, [KEY], 'invalid'],
    ['it is no signature', { ...signed([KEY]), 'webhook-signature': 'v1,' }, [KEY], 'invalid'],
    ['it is almost five minutes old', signed([KEY], 299), [KEY], 'valid'],
    ['it is older', signed([KEY], 302), [KEY], 'outdated'],
    ['it is from the future', signed([KEY], -302), [KEY], 'outdated'],
  ];
  for (const [when, headers, keys, verdict] of verdicts) {
    it(`${verdict}, when ${when}`, () => assert.equal(verdictOn(received({ headers }), keys), verdict));
  }
});

describe('the line about a request', () => {
  it('says what matters', () => {
    const headers = { ...signed([KEY]), 'x-hascheduler-attempt': '2' };
    assert.equal(
      lineAbout(received({ headers }), 'valid', '200'),
      '12:00:00.250  POST /hook → 200  webhook-id s@1  attempt 2  signature valid  {"a":1}',
    );
    assert.equal(
      lineAbout(received({ method: 'GET', body: new Uint8Array() }), 'absent', '503 in 2000 ms'),
      '12:00:00.250  GET /hook → 503 in 2000 ms  webhook-id absent  attempt absent  signature absent  no body',
    );
  });

  it('is one short line that a terminal only shows', () => {
    const line = lineAbout(
      received({
        path: `/${'p'.repeat(1000)}`,
        headers: { 'webhook-id': '\u009b2J', 'x-hascheduler-attempt': '\u007f' },
        body: new TextEncoder().encode(`\u001b]0;X\u0007\r\n\u202e${'😀'.repeat(10_000)}`),
      }),
      'absent',
      '200',
    );
    assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
    assert.match(line, /\\u001b\]0;X\\u0007\\u000d\\u000a\\u202e(😀)+…$/);
    assert.ok(line.length < 700, line);
  });
});

describe('the options of the receiver', () => {
  it('have defaults', () => {
    const options = { port: 9090, keys: [], badShare: 1, badStatus: 200, slowMs: 0, retryAfterS: null };
    assert.deepEqual(readOptions([], {}), { options });
    assert.deepEqual(readOptions([], { PORT: '9091' }), { options: { ...options, port: 9091 } });
  });

  it('are read', () => {
    const args = ['--port', '0', '--secret', SECRET, '--secret', OTHER, '--fail', '.3', '--slow', '1.5s'];
    const options = { port: 0, keys: [KEY, OTHER_KEY], badShare: 0.3, badStatus: 500, slowMs: 1500 };
    assert.deepEqual(readOptions(args, { PORT: '1' }), { options: { ...options, retryAfterS: null } });
    assert.deepEqual(readOptions([...args, '--status', '429', '--retry-after', '5'], {}), {
      options: { ...options, badStatus: 429, retryAfterS: 5 },
    });
    assert.equal(readOptions(['--help'], {}), 'help');
  });

  it('are refused all at once, and no secret is shown', () => {
    const args = ['--port', '70000', '--secret', 'hunter2', '--fail', '30%', '--status', '100'];
    const read = readOptions([...args, '--slow=-1s', '--retry-after', 'soon'], {});
    assert.ok(read !== 'help' && 'problems' in read);
    assert.deepEqual(read.problems.map((problem) => problem.replace(/: .*/, '')), [
      '--port 70000',
      "The secret #1 (--secret) can't sign",
      '--fail 30%',
      '--status 100',
      '--slow -1s',
      '--retry-after soon',
    ]);
    assert.doesNotMatch(read.problems.join('\n'), /hunter2/);
    const unknown = readOptions(['--verbose'], {});
    assert.ok(unknown !== 'help' && 'problems' in unknown);
    assert.match(unknown.problems.join(), /--verbose/);
  });
});

describe('the receiver', () => {
  let child: ChildProcess | null = null;
  afterEach(() => {
    child?.kill('SIGKILL');
    child = null;
  });

  /** Starts it at a free port; resolves with its lines, the first of which has its URL. */
  async function start(...args: string[]) {
    const [program, ...rest] = runtimeCommand(join(PROJECT_DIR, 'scripts', 'receiver.ts'), [
      '--port',
      '0',
      ...args,
    ]);
    child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    const lines = createInterface({ input: child.stdout as Readable })[Symbol.asyncIterator]();
    const line = async () => String((await lines.next()).value);
    const url = /http:\S+\//.exec(await line())![0];
    return { url, line, child };
  }

  /** As Ctrl-C does. Deno takes a child that was ended by `kill` for one that the signal ended. */
  function interrupt({ pid }: ChildProcess): void {
    process.kill(pid!, 'SIGINT');
  }

  it('tells each request, and ends at Ctrl-C', async () => {
    const { url, line, child } = await start('--secret', SECRET);
    const headers = {
      ...webhookHeaders({ id: 's@1', timestampS: Date.now() / 1000, body: 'ü', keys: [KEY] }),
      'x-hascheduler-attempt': '1',
    };
    const response = await fetch(`${url}a?b=c`, { method: 'PUT', headers, body: 'ü' });
    assert.deepEqual([response.status, await response.text()], [200, 'Received.\n']);
    assert.match(await line(), / PUT \/a\?b=c → 200 +webhook-id s@1 +attempt 1 +signature valid +ü$/);
    const large = await fetch(url, { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) });
    assert.equal(large.status, 413);
    await large.body?.cancel();
    const ended = once(child, 'exit');
    interrupt(child);
    assert.equal(await line(), 'Ended after 1 request.');
    assert.deepEqual(await ended, [0, null]);
  });

  it('fails as it was asked to, and ends while an answer waits', async () => {
    const { url, line, child } = await start('--status', '503', '--retry-after', '5', '--fail', '1');
    const response = await fetch(url, { method: 'POST' });
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '5']);
    await response.body?.cancel();
    assert.match(await line(), / → 503 .* no body$/);
    child.kill('SIGKILL');

    const slow = await start('--slow', '1h');
    const broken = assert.rejects(fetch(slow.url));
    assert.match(await slow.line(), / GET \/ → 200 in 3600000 ms /);
    const ended = once(slow.child, 'exit');
    interrupt(slow.child);
    await broken;
    assert.deepEqual(await ended, [0, null]);
  });

  it('says what is wrong with its options', async () => {
    const [program, ...rest] = runtimeCommand(join(PROJECT_DIR, 'scripts', 'receiver.ts'), ['--fail', '2']);
    child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr!.on('data', (chunk) => said += chunk);
    assert.deepEqual(await once(child, 'close'), [1, null]);
    assert.match(said, /^--fail 2: it is not a number from 0 to 1, such as 0\.3\n\nnpm run receiver -- /);
  });
});
