import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { spawnGuarded } from '../../src/local/guarded.ts';
import { runtimeCommand } from '../../src/local/runtime.ts';

const spawnChild = (command: string[]) => spawnGuarded(command, { clock: systemClock() });

describe('a guarded child', () => {
  it('has its output forwarded, and how it ended', async () => {
    const child = await spawnChild(['sh', '-c', 'echo out; echo err >&2; exit 3']);
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    assert.deepEqual([out, err, await child.ended], ['out\n', 'err\n', 'exit code 3']);
    assert.equal(child.kill('SIGTERM'), false);
  });

  it('gets signals under its own pid', async () => {
    const child = await spawnChild(['sleep', '600']);
    process.kill(child.pid, 'SIGKILL');
    assert.equal(await child.ended, 'SIGKILL');
  });

  it('is stopped when it is frozen, and killed when it ignores SIGTERM', async () => {
    const frozen = await spawnChild([
      'sh',
      '-c',
      'trap "exit 7" TERM; echo up; while :; do sleep 0.1; done',
    ]);
    await once(frozen.stdout.resume(), 'data');
    process.kill(frozen.pid, 'SIGSTOP');
    await frozen.stop(10_000);
    assert.equal(await frozen.ended, 'exit code 7');

    const stubborn = await spawnChild(['sh', '-c', 'trap "" TERM; echo deaf; exec sleep 600']);
    await once(stubborn.stdout.resume(), 'data');
    await stubborn.stop(50);
    assert.equal(await stubborn.ended, 'SIGKILL');
  });

  it('reports the name of a command that does not exist', async () => {
    const child = await spawnChild(['/nowhere/at-all']);
    const message = await text(child.stderr);
    assert.equal(await child.ended, 'exit code 127');
    assert.match(message, /\/nowhere\/at-all/);
  });

  it('gets SIGTERM when its parent has ended, even by SIGKILL', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const script = fileURLToPath(new URL('./guardedParent.ts', import.meta.url));
    const [command, ...args] = runtimeCommand(script, [String(port)]);
    const parent = spawn(command, args, { stdio: 'inherit' });
    // The child writes the signal that it got to this connection, which stays open while the child lives.
    const [connection] = await once(server, 'connection') as [Socket];
    assert.equal(String((await once(connection, 'data'))[0]), 'ready ');
    parent.kill('SIGKILL');
    assert.equal(await text(connection), 'SIGTERM');
    server.close();
  });
});
