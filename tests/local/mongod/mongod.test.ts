import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { findMongod } from '../../../src/local/mongod/find.ts';
import { startMongod } from '../../../src/local/mongod/mongod.ts';

const quiet = { clock: systemClock(), log: () => {} };
const found = await findMongod(quiet).catch((error: Error) => ({ binary: null, tried: [error.message] }));
const skip = found.binary === null ? `no mongod: ${found.tried.join('; ')}` : false;
let dir: string;
before(async () => dir = await mkdtemp(join(tmpdir(), 'mongod-test-')));
after(() => rm(dir, { recursive: true, force: true }));

/** An executable shell script. */
async function fakeMongod(name: string, script: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('finding a mongod', () => {
  it('takes MONGOD_BINARY before any other', async () => {
    const binary = await fakeMongod('named', 'echo "db version v7.0.1"');
    const found = await findMongod({ ...quiet, env: { PATH: process.env.PATH, MONGOD_BINARY: binary } });
    assert.deepEqual(found, { binary, how: 'set by MONGOD_BINARY' });
  });

  it('refuses a MONGOD_BINARY that is missing, not a mongod, or too old', async () => {
    const cases: [string, RegExp][] = [
      [
        join(dir, 'nowhere'),
        /MONGOD_BINARY is .*nowhere: no such file exists\. Set it to a mongod 5\.0 or newer/,
      ],
      [await fakeMongod('other', 'echo "hello"'), /it is not a mongod/],
      [await fakeMongod('old', 'echo "db version v4.4.29"'), /it is version 4, and 5\.0 is the oldest/],
      [
        await fakeMongod('broken', 'echo "libcrypto.so.1.1: not found" >&2; exit 127'),
        /does not run here \(libcrypto/,
      ],
    ];
    for (const [binary, sentence] of cases) {
      await assert.rejects(findMongod({ ...quiet, env: { MONGOD_BINARY: binary } }), sentence);
    }
  });

  it('takes one on the PATH before one fetched earlier, and skips one that does not run', async () => {
    const [cacheDir, badDir, goodDir] = await Promise.all(
      ['cache-', 'bad-', 'good-'].map((name) => mkdtemp(join(dir, name))),
    );
    const fetched = await fakeMongod(join(cacheDir!.slice(dir.length), 'mongod'), 'echo "db version v6.0.5"');
    const good = await fakeMongod(join(goodDir!.slice(dir.length), 'mongod'), 'echo "db version v8.0.0"');
    await fakeMongod(join(badDir!.slice(dir.length), 'mongod'), 'exit 1');
    const bin = ':/usr/bin:/bin';

    const onPath = await findMongod({
      ...quiet,
      cacheDir: cacheDir!,
      env: { PATH: `${badDir}:${goodDir}${bin}` },
    });
    assert.deepEqual(onPath, { binary: good, how: 'on the PATH' });
    const cached = await findMongod({ ...quiet, cacheDir: cacheDir!, env: { PATH: badDir! } });
    assert.deepEqual(cached, { binary: fetched, how: 'fetched earlier' });
  });
});

describe('a started mongod', () => {
  const start = (name: string, options: { port?: number } = {}) =>
    startMongod({ ...quiet, binary: found.binary!, dataDir: join(dir, name), ...options });

  async function withClient<T>(uri: string, use: (client: MongoClient) => Promise<T>): Promise<T> {
    const client = new MongoClient(uri);
    return await use(client).finally(() => client.close());
  }

  it(
    'supports transactions, keeps its data after a kill -9 and a change of port, and stops cleanly',
    { skip },
    async () => {
      const first = await start('kept');
      await withClient(first.uri, async (client) => {
        await client.db('t').createCollection('c');
        await client.withSession((session) =>
          session.withTransaction(() => client.db('t').collection('c').insertOne({ n: 1 }, { session }))
        );
      });
      process.kill(first.pid, 'SIGKILL');
      assert.equal(await first.ended, 'SIGKILL');

      const second = await start('kept');
      assert.notEqual(second.pid, first.pid);
      const docs = await withClient(second.uri, (client) => client.db('t').collection('c').find().toArray());
      assert.deepEqual(docs.map((doc) => doc.n), [1]);
      const { members } =
        (await withClient(second.uri, (client) => client.db('admin').command({ replSetGetConfig: 1 })))
          .config;
      assert.deepEqual(members.map((member: { host: string }) => member.host), [`127.0.0.1:${second.port}`]);
      await second.stop();
      assert.equal(await second.ended, 'exit code 0');
    },
  );

  it('that ends during its start is reported with the cause and the end of its log', { skip }, async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as AddressInfo;
    try {
      await assert.rejects(start('taken', { port }), (error: Error) => {
        assert.match(
          error.message,
          new RegExp(`ended during its start: exit code 48\\. Port ${port} is taken`),
        );
        assert.match(error.message, /The end of its log \(.*mongod\.log\):\n.*Address already in use/s);
        return true;
      });
    } finally {
      holder.close();
    }
  });

  it('refuses a data directory that another one uses', { skip }, async () => {
    const first = await start('shared');
    await assert.rejects(start('shared'), /Another mongod uses .*shared: stop it first/);
    await first.stop();
  });

  it('refuses a directory that can’t be created, with a sentence', { skip }, async () => {
    await writeFile(join(dir, 'file'), '');
    await assert.rejects(
      start('file'),
      /can't keep its data in .*file: a file of that name exists \(EEXIST\)/,
    );
  });

  if (process.getuid?.() === 0) {
    it('reports a full disk, and does not advise to delete anything', { skip }, async (t) => {
      const disk = join(dir, 'disk');
      await mkdir(disk);
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'none', disk]).status !== 0) {
        return t.skip('no permission to mount');
      }
      try {
        assert.notEqual(spawnSync('dd', ['if=/dev/zero', `of=${disk}/fill`, 'bs=64k']).status, 0);
        await assert.rejects(start('disk/mongo'), (error: Error) => {
          assert.match(error.message, /The disk is (almost )?full: free some space for .*disk\/mongo/);
          assert.doesNotMatch(error.message, /delete/);
          return true;
        });
        await rm(join(disk, 'fill'));
        const again = await start('disk/mongo');
        const fill = withClient(`${again.uri}&serverSelectionTimeoutMS=2000`, async (client) => {
          for (;;) {
            const many = Array.from({ length: 50 }, () => ({ bytes: randomBytes(100_000) }));
            await client.db('t').collection('c').insertMany(many);
          }
        });
        await assert.rejects(fill);
        await again.stop();
        assert.match(await again.whyEnded() ?? '', /^The disk is (almost )?full/);
      } finally {
        spawnSync('umount', ['-l', disk]);
      }
    });
  }
});
