import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DataDirTaken, takeDataDir } from '../../src/local/dataDir.ts';

/** Beyond the largest that Linux gives. */
const NO_PID = 2 ** 22 + 1;

let parent: string;
let dir: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'data-dir-test-'));
  dir = join(parent, '.data');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const locks = async () => (await readdir(dir)).filter((name) => name.startsWith('lock-'));
const lockedBy = async (holder: string, number = 1) => {
  await mkdir(dir, { recursive: true });
  await symlink(holder, join(dir, `lock-${number}`));
};
const isTaken = (error: unknown) => error instanceof DataDirTaken;

describe('a data directory', () => {
  for (
    const [what, before] of [['a new one', null], ['one whose cluster was killed', `${NO_PID} 1`]] as const
  ) {
    it(`is taken by one of many that come at once: ${what}`, async () => {
      for (let round = 0; round < 10; round++) {
        if (before !== null) await lockedBy(before);
        const all = await Promise.allSettled(Array.from({ length: 10 }, () => takeDataDir(dir)));
        const won = all.flatMap((one) => one.status === 'fulfilled' ? [one.value] : []);
        const lost = all.flatMap((one) => one.status === 'rejected' ? [one.reason] : []);
        assert.equal(won.length, 1);
        assert.ok(lost.every(isTaken), String(lost.find((error) => !isTaken(error))));
        assert.equal((await locks()).length, 1, 'the old lock is gone');
        await won[0]!();
        assert.deepEqual(await locks(), []);
      }
    });
  }

  it('is held for as long as its process lives, and not by a later one with the same number', async () => {
    const holder = spawn('sleep', ['600']);
    await once(holder, 'spawn');
    await lockedBy(`${holder.pid} -`);
    await assert.rejects(
      takeDataDir(dir),
      (error) => error instanceof DataDirTaken && error.holder === holder.pid,
    );
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await (await takeDataDir(dir))();
    // This process is alive, and it did not begin then.
    await lockedBy(`${process.pid} 1`);
    await (await takeDataDir(dir))();
  });

  it('is held by a process of another user, too', async () => {
    // The first process of the machine can't be signalled, unless by root.
    await lockedBy('1 -');
    await assert.rejects(takeDataDir(dir), isTaken);
  });

  it('is given back once: the lock of the next one stays', async () => {
    const release = await takeDataDir(dir);
    await release();
    await takeDataDir(dir);
    await release();
    await assert.rejects(takeDataDir(dir), isTaken);
  });

  it('is not held by what only has the name of a lock', async () => {
    await mkdir(join(dir, 'lock-1', 'inner'), { recursive: true });
    await writeFile(join(dir, 'lock-2'), 'x');
    await symlink('/nowhere', join(dir, 'lock-3'));
    await lockedBy('', 4).catch(() => {});
    await takeDataDir(dir);
    assert.equal((await locks()).length, 1);
  });
});

describe('a data directory that can’t be used is told in a sentence:', () => {
  const sentence = (why: RegExp) => (error: Error) => {
    assert.match(
      error.message,
      /^The cluster can't keep its data in .*\.data.*: .* \([A-Z]+\)\. See to that, or start/,
    );
    assert.match(error.message, why);
    return true;
  };

  it('a file', async () => {
    await writeFile(dir, '');
    await assert.rejects(takeDataDir(dir), sentence(/there is a file of that name \(EEXIST\)/));
    await assert.rejects(
      takeDataDir(join(dir, '.data')),
      sentence(/a part of that path is a file \(ENOTDIR\)/),
    );
  });

  if (process.getuid?.() === 0) {
    it('a read-only file system, and a full one', async (t) => {
      await mkdir(dir);
      const mount = (options: string) =>
        spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'none', dir]).status === 0;
      if (!mount('ro')) return t.skip('nothing can be mounted here');
      try {
        await assert.rejects(takeDataDir(dir), sentence(/mounted read-only \(EROFS\)/));
        spawnSync('umount', [dir]);
        assert.ok(mount('nr_inodes=1'));
        await assert.rejects(takeDataDir(dir), sentence(/the disk is full \(ENOSPC\)/));
      } finally {
        spawnSync('umount', [dir]);
      }
    });
  } else {
    it('one without the right to write', async () => {
      await mkdir(dir, { mode: 0o500 });
      await assert.rejects(takeDataDir(dir), sentence(/a right is missing \(EACCES\)/));
    });
  }
});
