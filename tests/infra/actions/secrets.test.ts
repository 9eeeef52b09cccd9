import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ReadSecret, secretsFrom } from '../../../src/infra/actions/secrets.ts';

describe('a secret', () => {
  let root: string;
  let dir: string;
  let read: ReadSecret;
  const env = {
    SECRET_ENV: 'from the environment',
    SECRET_BOTH: 'environment',
    SECRET_EMPTY: '',
    API_KEY: 'x',
  };

  /** Puts files in place as Kubernetes does: the link `..data` is replaced by one to a new directory. */
  async function mount(version: string, files: Record<string, string>): Promise<void> {
    await mkdir(join(dir, `..${version}`));
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(dir, `..${version}`, name), text);
      await symlink(join('..data', name), join(dir, name)).catch(() => {});
    }
    await symlink(`..${version}`, join(dir, '..data_tmp'));
    await rename(join(dir, '..data_tmp'), join(dir, '..data'));
  }

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'hascheduler-secrets-'));
    dir = join(root, 'secrets');
    await mkdir(dir);
    read = secretsFrom(dir, env);
  });
  after(() => rm(root, { recursive: true, force: true }));

  it('is read from its file as mounted, and again after it was replaced', async () => {
    await mount('1', { BILLING: 'first\n', BOTH: 'file' });
    assert.equal(await read('BILLING'), 'first');
    await mount('2', { BILLING: 'second\r\n', BOTH: 'file' });
    await rm(join(dir, '..1'), { recursive: true });
    assert.equal(await read('BILLING'), 'second');
  });

  it('is in its file before it is in the environment', async () => {
    assert.equal(await read('BOTH'), 'file');
    assert.equal(await read('ENV'), 'from the environment');
    assert.equal(await secretsFrom(null, env)('BOTH'), 'environment');
  });

  it('loses one line end, and nothing else', async () => {
    await writeFile(join(dir, 'LINES'), ' a\nb \n\n');
    assert.equal(await read('LINES'), ' a\nb \n');
    await writeFile(join(dir, 'LINES'), ' ü');
    assert.equal(await read('LINES'), ' ü');
  });

  it('that is missing is told with the places where it was looked for', async () => {
    await assert.rejects(read('MISSING'), {
      message:
        `The secret MISSING was not found: SECRETS_DIR (${dir}) has no file MISSING, and SECRET_MISSING is not set.`,
    });
    await assert.rejects(secretsFrom(null, env)('MISSING'), {
      message: 'The secret MISSING was not found: SECRETS_DIR is not set, and SECRET_MISSING is not set.',
    });
    await assert.rejects(secretsFrom(join(dir, 'nowhere'), env)('MISSING'), /has no file MISSING/);
  });

  it('that is empty is told', async () => {
    await writeFile(join(dir, 'NOTHING'), '\n');
    for (const name of ['NOTHING', 'EMPTY']) {
      await assert.rejects(read(name), { message: `The secret ${name} is empty.` });
    }
  });

  it('has a name, never a path', async () => {
    await writeFile(join(root, 'OUTSIDE'), 'outside');
    for (
      const name of ['../OUTSIDE', '..data', '..data/BILLING', '', 'a', 'A'.repeat(65), 'A\0', '/etc/passwd']
    ) {
      await assert.rejects(
        read(name),
        /^Error: There is no such secret: ".*" can't name a secret; write 1 to 64 of/,
      );
    }
  });

  it('is not read through a link that leads out of the directory', async () => {
    await symlink(join(root, 'OUTSIDE'), join(dir, 'LINK'));
    await symlink('../OUTSIDE', join(dir, 'RELATIVE'));
    for (const name of ['LINK', 'RELATIVE']) {
      await assert.rejects(read(name), {
        message:
          `The secret ${name} can't be read from SECRETS_DIR (${dir}): it is a link that leads out of the directory.`,
      });
    }
  });

  it('is found in a directory that is a link itself', async () => {
    await symlink(dir, join(root, 'link'));
    assert.equal(await secretsFrom(join(root, 'link'), env)('BOTH'), 'file');
  });

  it('is a file of text of at most 64 KiB', async () => {
    await mkdir(join(dir, 'FOLDER'));
    execFileSync('mkfifo', [join(dir, 'PIPE')]);
    await writeFile(join(dir, 'LARGE'), 'x'.repeat(65_537));
    await writeFile(join(dir, 'BINARY'), Uint8Array.of(0xff, 0xfe));
    const reasons = {
      FOLDER: 'it is not a file',
      PIPE: 'it is not a file',
      LARGE: 'it has 65537 bytes; at most 65536 are allowed',
      BINARY: 'it is not UTF-8 text',
    };
    for (const [name, reason] of Object.entries(reasons)) {
      await assert.rejects(read(name), {
        message: `The secret ${name} can't be read from SECRETS_DIR (${dir}): ${reason}.`,
      });
    }
    await writeFile(join(dir, 'LARGE'), 'x'.repeat(65_536));
    assert.equal((await read('LARGE')).length, 65_536);
  });

  it('that can’t be read is not taken from elsewhere', async () => {
    await writeFile(join(root, 'file'), '');
    await assert.rejects(
      secretsFrom(join(root, 'file'), env)('ENV'),
      /^Error: The secret ENV can't be read from SECRETS_DIR \(.*\): ENOTDIR\.$/,
    );
  });
});
