import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { spawnGuarded } from '../../src/local/guarded.ts';
import { runtimeCommand } from '../../src/local/runtime.ts';

describe('a guarded child', () => {
  it('passes on what it prints and how it ended', async () => {
    const child = await spawnGuarded(['sh', '-c', 'echo out; echo err >&2; exit 3']);
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    assert.deepEqual([out, err, await child.ended], ['out\n', 'err\n', 'exit code 3']);
    assert.equal(child.kill('SIGTERM'), false);
  });

  it('gets signals itself, under its own pid', async () => {
    const child = await spawnGuarded(['sleep', '600']);
    process.kill(child.pid, 'SIGKILL');
    assert.equal(await child.ended, 'SIGKILL');
  });

  it('is stopped although it is frozen, and killed when it ignores SIGTERM', async () => {
    const frozen = await spawnGuarded([
      'sh',
      '-c',
      'trap "exit 7" TERM; echo up; while :; do sleep 0.1; done',
    ]);
    await once(frozen.stdout.resume(), 'data');
    process.kill(frozen.pid, 'SIGSTOP');
    await frozen.stop(10_000);
    assert.equal(await frozen.ended, 'exit code 7');

    const stubborn = await spawnGuarded(['sh', '-c', 'trap "" TERM; echo deaf; exec sleep 600']);
    await once(stubborn.stdout.resume(), 'data');
    await stubborn.stop(50);
    assert.equal(await stubborn.ended, 'SIGKILL');
  });

  it('says what is missing when the command does not exist', async () => {
    const child = await spawnGuarded(['/nowhere/at-all']);
    const message = await text(child.stderr);
    assert.equal(await child.ended, 'exit code 127');
    assert.match(message, /\/nowhere\/at-all/);
  });

  it('is told to end when its parent has ended, even by SIGKILL', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const script = fileURLToPath(new URL('./guardedParent.ts', import.meta.url));
    const [command, ...args] = runtimeCommand(script, [String(port)]);
    const parent = spawn(command, args, { stdio: 'inherit' });
    // On this connection the child says which signal it got; it is open for as long as the child lives.
    const [connection] = await once(server, 'connection') as [Socket];
    assert.equal(String((await once(connection, 'data'))[0]), 'ready ');
    parent.kill('SIGKILL');
    assert.equal(await text(connection), 'SIGTERM');
    server.close();
  });
});
