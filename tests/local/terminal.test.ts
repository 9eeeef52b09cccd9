/** `npm start` on a terminal: flow control, Ctrl-C, and the escaping of control sequences. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import { sendSignal } from '../../src/local/guarded.ts';
import { PROJECT_DIR, runtimeCommand } from '../../src/local/runtime.ts';
import { hasPty, onTerminal } from '../support/terminal.ts';
import { freePorts } from './freePorts.ts';

const ANSWER_LIMIT_MS = 10_000;
const HARMFUL = '\u001b]0;X\u0007\u009b2J\u202e';
const get = (url: string) => fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });

describe('npm start on a terminal', { skip: !hasPty && 'no pty' }, () => {
  let dir: string;
  let terminal: ChildProcess;
  let port: number;
  let shown = '';
  let wake = () => {};

  /** Resolves when the terminal has shown the text. */
  async function shows(pattern: RegExp): Promise<void> {
    while (!pattern.test(shown)) await new Promise<void>((resolve) => wake = resolve);
  }

  /** Resolves when the replica itself lists this many runs of the schedule. */
  async function runs(count: number): Promise<void> {
    for (;;) {
      const response = await get(`http://127.0.0.1:${port + 1}/schedules/often/runs`);
      if ((await response.json() as unknown[]).length >= count) return;
    }
  }

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'terminal-test-'));
    port = await freePorts(2);
    terminal = onTerminal(runtimeCommand(join(PROJECT_DIR, 'src', 'local', 'start.ts')), {
      cwd: dir,
      env: { PORT: String(port), MONGO_URI: 'memory:', NO_COLOR: '1' },
    });
    terminal.stdout!.on('data', (chunk) => {
      shown += chunk;
      wake();
    });
    await shows(/hascheduler runs/);
  });
  after(async () => {
    if (terminal.exitCode === null) sendSignal(-terminal.pid!, 'SIGKILL');
    await rm(dir, { recursive: true, force: true });
  });

  it('keeps working while the terminal’s output is stopped (Ctrl-S): the front door answers, the replicas fire', async () => {
    terminal.stdin!.write('\x13');
    const body = { id: 'often', type: 'duration', definition: { interval: '100ms' } };
    const created = await fetch(`http://127.0.0.1:${port}/schedules`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    assert.equal(created.status, 201);
    await runs(5);
    for (let i = 0; i < 3; i++) {
      assert.equal((await get(`http://127.0.0.1:${port}/schedules/often`)).status, 200);
    }
    assert.doesNotMatch(shown, /running schedule/);
    terminal.stdin!.write('\x11');
    await shows(/running schedule.*run_id=often@/);
  });

  it('stops on Ctrl-C, and prints its last lines', async () => {
    terminal.stdin!.write('\x03');
    const [code] = await once(terminal, 'close');
    assert.match(shown, /Everything is stopped\./);
    assert.equal(code, 0);
  });
});

describe('a recipe that shows an answer', () => {
  const shownAnswer = async (contentType: string, body: string): Promise<string> => {
    const server = createServer((_req, res) => res.writeHead(200, { 'content-type': contentType }).end(body));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const just = join(PROJECT_DIR, 'node_modules', '.bin', 'just');
    const recipe = spawn(just, [`URL=http://127.0.0.1:${port}`, 'get-schedules'], { cwd: PROJECT_DIR });
    const printed = await text(recipe.stdout);
    server.close();
    return printed;
  };

  it('escapes control sequences, in JSON and in any other text', async () => {
    const schedules = { schedules: [{ id: 'a', name: HARMFUL, [HARMFUL]: 'Grüße 😀' }] };
    const printed = await shownAnswer('application/json', JSON.stringify(schedules));
    assert.equal(printed.includes('Grüße 😀'), true);
    assert.deepEqual(JSON.parse(printed), schedules);
    assert.doesNotMatch(printed, /(?!\n)[\p{Cc}\p{Cf}]/u);
    assert.equal(
      await shownAnswer('text/plain', `one\n\ttwo ${HARMFUL}`),
      'one\n\ttwo \\u001b]0;X\\u0007\\u009b2J\\u202e',
    );
  });
});
