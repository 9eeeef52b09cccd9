/**
 * Whoever reads the log, or has ceased to, makes no difference to the process: it goes on, holds a bounded number of
 * lines, and counts what it could not tell. A process, since streams behave by what is behind them.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sendSignal } from '../../../src/local/guarded.ts';
import { PROJECT_DIR, runtimeCommand } from '../../../src/local/runtime.ts';
import { samplesOf } from '../../support/prometheus.ts';
import { freePort } from '../../../harness/cluster/replicas.ts';
import { hasPty, onTerminal } from '../../support/terminal.ts';

interface News {
  logged: number;
  losses: { lines: number; failures: number };
  heldBytes: number;
  over?: true;
}

const children: ChildProcess[] = [];
/** With all that they have started: each is a group of its own. */
after(() => children.forEach(({ pid }) => sendSignal(-pid!, 'SIGKILL')));

async function writer(run: (command: [string, ...string[]]) => ChildProcess) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const child = run(runtimeCommand(fileURLToPath(new URL('./logWriter.ts', import.meta.url)), [`${port}`]));
  children.push(child);
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const [connection] = await once(server, 'connection') as [Socket];
  server.close();
  const news = createInterface({ input: connection })[Symbol.asyncIterator]();
  /** The first news that is asked for; rejects when the process has ended without. */
  async function until(what: (news: News) => boolean): Promise<News> {
    for (;;) {
      const { value, done } = await news.next();
      if (done) throw new Error(`it ended: ${await ended}`);
      const seen = JSON.parse(value) as News;
      if (what(seen)) return seen;
      assert.ok(seen.logged < 500_000, `it does not come to that: ${value}`);
    }
  }
  return { child, until, ended, stop: () => connection.write('stop') };
}

const piped = ([command, ...args]: [string, ...string[]]) =>
  spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });

/** Through a pipe of the kernel, as a shell makes it: Node's own are sockets. */
const throughShell = (command: string[], reader: string) =>
  spawn('sh', ['-c', `"$@" | ${reader}`, 'sh', ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });

interface Line {
  msg: string;
  n: number;
  lines: number;
}

/** What is read from now on, until the end. */
async function linesOf(stream: Readable): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of createInterface({ input: stream })) lines.push(JSON.parse(line));
  return lines;
}

describe('a process whose log', () => {
  it('is not read goes on, drops lines, and says so once it is', async () => {
    const { child, until, stop, ended } = await writer(piped);
    const { losses } = await until(({ losses }) => losses.lines > 10_000);
    const { heldBytes } = await until(({ logged }) => logged > 60_000);
    assert.ok(heldBytes < 100e6, `${(heldBytes / 1e6).toFixed(0)} MB are held after 60 MB of log`);
    assert.equal(losses.failures, 0);
    const reading = linesOf(child.stdout!);
    stop();
    const last = await until(({ over }) => over === true);
    const lines = await reading;
    const missing = lines.filter(({ msg }) => msg.startsWith('lines are missing here'));
    assert.equal(missing.reduce((sum, { lines }) => sum + lines, 0), last.losses.lines);
    assert.equal(lines.length - missing.length + last.losses.lines, last.logged, 'none is unaccounted for');
    assert.equal(await ended, 0);
  });

  it('goes into a pipe whose reader is frozen goes on', async () => {
    const { until } = await writer((command) => throughShell(command, 'sh -c "kill -STOP \\$\\$; cat"'));
    const { losses } = await until(({ losses }) => losses.lines > 0);
    assert.equal(losses.failures, 0);
  });

  it('goes into a closed pipe goes on, and ends well', async () => {
    const { child, until, stop, ended } = await writer(piped);
    child.stdout!.destroy();
    const { losses } = await until(({ losses }) => losses.failures > 3);
    assert.ok(losses.lines >= losses.failures);
    stop();
    await until(({ over }) => over === true);
    assert.equal(await ended, 0);
  });

  it('goes to a full disk goes on', async () => {
    const { until } = await writer(([command, ...args]) =>
      spawn('sh', ['-c', 'exec "$@" >/dev/full', 'sh', command, ...args], {
        stdio: ['ignore', 'ignore', 'inherit'],
        detached: true,
      })
    );
    await until(({ losses }) => losses.failures > 3 && losses.lines > 100);
  });

  it('goes to a terminal that has stopped (Ctrl-S) goes on', { skip: !hasPty && 'no pty' }, async () => {
    const { child, until, stop, ended } = await writer((command) => onTerminal(command));
    await once(child.stdout!.resume(), 'data');
    child.stdin!.write('\x13');
    await until(({ losses }) => losses.lines > 0);
    child.stdin!.write('\x11');
    stop();
    await until(({ over }) => over === true);
    assert.equal(await ended, 0);
  });
});

describe('a replica whose stdout and stderr are closed', () => {
  it('fires, counts what it could not log, and drains when it is told to', async () => {
    const port = await freePort();
    const [command, ...args] = runtimeCommand(join(PROJECT_DIR, 'src', 'main.ts'));
    const replica = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, PORT: `${port}`, HOST: '127.0.0.1', MONGO_URI: 'memory:' },
    });
    children.push(replica);
    const ended = once(replica, 'exit').then(([code]) => code as number | null);
    const [first] = await once(createInterface({ input: replica.stdout }), 'line');
    assert.match(first, /the store is in memory/);
    replica.stdout.destroy();
    replica.stderr.destroy();
    const url = `http://127.0.0.1:${port}`;
    const body = { id: 'often', type: 'duration', definition: { interval: '100ms' } };
    await until(async () => (await fetch(`${url}/readyz`)).status === 200, ended);
    assert.equal(
      (await fetch(`${url}/schedules`, { method: 'POST', body: JSON.stringify(body) })).status,
      201,
    );
    await until(async () => {
      const seen = samplesOf(await (await fetch(`${url}/metrics`)).text());
      return seen.scheduler_log_write_failures_total! > 5 && seen.scheduler_log_lines_dropped_total! > 5;
    }, ended);
    process.kill(replica.pid!, 'SIGTERM');
    assert.equal(await ended, 0);
  });
});

/** Asks again and again, also while nothing answers; rejects when the process has ended. */
async function until(what: () => Promise<boolean>, ended: Promise<unknown>): Promise<void> {
  let over = false;
  void ended.then(() => over = true);
  while (!await what().catch(() => false)) if (over) assert.fail(`it ended with exit code ${await ended}`);
}
