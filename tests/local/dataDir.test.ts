import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { systemRandom } from '../../src/infra/machine/random.ts';
import { DataDirLocked, lockDataDir } from '../../src/local/dataDir.ts';

/** Greater than any pid on Linux. */
const NO_PID = 2 ** 22 + 1;

let parent: string;
let dir: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'data-dir-test-'));
  dir = join(parent, '.data');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const locks = async () => (await readdir(dir)).filter((name) => name.startsWith('lock-'));
const lock = (path = dir) => lockDataDir(path, systemClock(), systemRandom());
const lockedBy = async (holder: string, number = 1) => {
  await mkdir(dir, { recursive: true });
  await symlink(holder, join(dir, `lock-${number}`));
};
const isLocked = (error: unknown) => error instanceof DataDirLocked;

describe('a data directory', () => {
  for (
    const [what, before] of [['a new one', null], ['one of a killed cluster', `${NO_PID} 1`]] as const
  ) {
    it(`is locked by exactly one of ten concurrent starts: ${what}`, async () => {
      for (let round = 0; round < 10; round++) {
        if (before !== null) await lockedBy(before);
        const all = await Promise.allSettled(Array.from({ length: 10 }, () => lock()));
        const won = all.flatMap((one) => one.status === 'fulfilled' ? [one.value] : []);
        const lost = all.flatMap((one) => one.status === 'rejected' ? [one.reason] : []);
        assert.equal(won.length, 1);
        assert.ok(lost.every(isLocked), String(lost.find((error) => !isLocked(error))));
        assert.equal((await locks()).length, 1, 'the old lock is gone');
        await won[0]!();
        assert.deepEqual(await locks(), []);
      }
    });
  }

  it('stays locked while the process lives, and not by a later process with the same pid', async () => {
    const holder = spawn('sleep', ['600']);
    await once(holder, 'spawn');
    await lockedBy(`${holder.pid} -`);
    await assert.rejects(
      lock(),
      (error) => error instanceof DataDirLocked && error.holder === holder.pid,
    );
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await (await lock())();
    // This process is alive, but has another start time.
    await lockedBy(`${process.pid} 1`);
    await (await lock())();
  });

  it('stays locked by a process of another user', async () => {
    // The first process of the machine can be signalled by root only.
    await lockedBy('1 -');
    await assert.rejects(lock(), isLocked);
  });

  it('is released once: a second release keeps the lock of the next process', async () => {
    const release = await lock();
    await release();
    await lock();
    await release();
    await assert.rejects(lock(), isLocked);
  });

  it('is not locked by files that only have the name of a lock', async () => {
    await mkdir(join(dir, 'lock-1', 'inner'), { recursive: true });
    await writeFile(join(dir, 'lock-2'), 'x');
    await symlink('/nowhere', join(dir, 'lock-3'));
    await lockedBy('', 4).catch(() => {});
    await lock();
    assert.equal((await locks()).length, 1);
  });
});

describe('a data directory that can’t be used is reported in a sentence:', () => {
  const sentence = (why: RegExp) => (error: Error) => {
    assert.match(
      error.message,
      /^The cluster can't keep its data in .*\.data.*: .* \([A-Z]+\)\. Fix that, or start/,
    );
    assert.match(error.message, why);
    return true;
  };

  it('a file', async () => {
    await writeFile(dir, '');
    await assert.rejects(lock(), sentence(/a file of that name exists \(EEXIST\)/));
    await assert.rejects(
      lock(join(dir, '.data')),
      sentence(/a parent directory is a file \(ENOTDIR\)/),
    );
  });

  if (process.getuid?.() === 0) {
    it('a read-only file system, and a full one', async (t) => {
      await mkdir(dir);
      const mount = (options: string) =>
        spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'none', dir]).status === 0;
      if (!mount('ro')) return t.skip('no permission to mount');
      try {
        await assert.rejects(lock(), sentence(/mounted read-only \(EROFS\)/));
        spawnSync('umount', [dir]);
        assert.ok(mount('nr_inodes=1'));
        await assert.rejects(lock(), sentence(/the disk is full \(ENOSPC\)/));
      } finally {
        spawnSync('umount', [dir]);
      }
    });
  } else {
    it('one without write permission', async () => {
      await mkdir(dir, { mode: 0o500 });
      await assert.rejects(lock(), sentence(/permission is denied \(EACCES\)/));
    });
  }
});
