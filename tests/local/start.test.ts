import { afterEach, beforeEach, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isAlive } from '../../src/local/dataDir.ts';
import { PROJECT_DIR, runtimeCommand } from '../../src/local/runtime.ts';
import { freePorts } from './freePorts.ts';

let dir: string;
let running: ChildProcess[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'start-test-'));
  running = [];
});
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

interface Started {
  process: ChildProcess;
  /** Everything printed so far. */
  lines: Record<string, unknown>[];
  /** Resolves when a message matches; rejects when the process ends without one. */
  says(pattern: RegExp): Promise<void>;
  /** The exit code. */
  ended: Promise<number | null>;
}

/** `npm start` in a temporary directory; it prints JSON lines. */
function start(env: NodeJS.ProcessEnv): Started {
  const [command, ...args] = runtimeCommand(join(PROJECT_DIR, 'src', 'local', 'start.ts'));
  const child = spawn(command, args, {
    cwd: dir,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  const lines: Record<string, unknown>[] = [];
  let wake = () => {};
  let hasEnded = false;
  createInterface({ input: child.stdout! }).on('line', (line) => {
    lines.push(JSON.parse(line));
    wake();
  });
  const ended = once(child, 'close').then(([code]) => {
    hasEnded = true;
    wake();
    return code as number | null;
  });
  const says = async (pattern: RegExp) => {
    while (!lines.some((line) => pattern.test(String(line.msg)))) {
      assert.ok(!hasEnded, `it ended without printing ${pattern}: ${JSON.stringify(lines, null, 2)}`);
      await new Promise<void>((resolve) => wake = resolve);
    }
  };
  return { process: child, lines, says, ended };
}

describe('npm start', () => {
  it('serves on one port, and stops everything on a signal', async () => {
    const port = await freePorts(4);
    const started = start({ PORT: String(port), MONGO_URI: 'memory:' });
    await started.says(/^hascheduler runs: one replica on (node|deno), behind http:\/\/localhost:\d+\/$/);
    assert.equal((await fetch(`http://127.0.0.1:${port}/schedules`)).status, 200);
    const { replicas } = JSON.parse(await readFile(join(dir, '.data', 'cluster.json'), 'utf8'));
    assert.equal(isAlive(replicas[0].pid), true);

    // Deno's `child.kill` would report the signal as the child's end even if the child handles it.
    process.kill(started.process.pid!, 'SIGINT');
    assert.equal(await started.ended, 0);
    assert.equal(isAlive(replicas[0].pid), false);
    assert.deepEqual(await readdir(join(dir, '.data')), []);
    assert.ok(
      started.lines.every((line) => line.time && line.level && line.msg),
      'every line has time, level and msg',
    );
    await started.says(/^Everything is stopped\.$/);
  });

  it('runs once in a directory: of two concurrent starts one runs, and the other is refused at once', async () => {
    const ports = [await freePorts(2), await freePorts(2)];
    const both = ports.map((port) => start({ PORT: String(port), MONGO_URI: 'memory:' }));
    const bothRun = Promise.all(both.map((one) => one.says(/^hascheduler runs/)));
    const loser = await Promise.race([
      ...both.map(async (one) => {
        await one.ended;
        return one;
      }),
      bothRun.then(() => assert.fail('both run')),
    ]);
    await assert.rejects(bothRun);
    assert.equal(await loser.ended, 1);
    await loser.says(/^A cluster is already running here \(process \d+.*\): use it, or stop it first\.$/);
    const winner = both.find((one) => one !== loser)!;
    await winner.says(/^hascheduler runs/);
    process.kill(winner.process.pid!, 'SIGINT');
    assert.equal(await winner.ended, 0);
  });

  it('refuses a PORT that leaves no ports for the replicas', async () => {
    const started = start({ PORT: '65533', MONGO_URI: 'memory:' });
    assert.equal(await started.ended, 1);
    await started.says(/^PORT is "65533"; it must be a number from 1 to 65532\.$/);
  });

  it('exits when the replicas refuse their settings', async () => {
    const started = start({ PORT: String(await freePorts(4)), MONGO_URI: 'memory:', LOG_LEVEL: 'loud' });
    assert.equal(await started.ended, 1);
    await started.says(/^replica-1 does not start \(exit code 2\): hascheduler: LOG_LEVEL/);
    await started.says(/LOG_LEVEL/);
  });
});
