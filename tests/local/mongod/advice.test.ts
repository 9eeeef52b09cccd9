/**
 * The logs are from a real MongoDB 6.0.5 on a full tmpfs, on a read-only one, under a limit and so on, cut to the
 * relevant lines, and those that name a wrong cause.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { adviceOn } from '../../../src/local/mongod/advice.ts';
import { PROJECT_DIR } from '../../../src/local/runtime.ts';

const LOGS = join(PROJECT_DIR, 'tests', 'local', 'mongod', 'logs');
const ONE_TIB = 2 ** 40;
const ended = (log: string, how = 'SIGABRT', freeBytes: number | null = ONE_TIB) =>
  adviceOn({ log, how, binary: '/x/mongod', dataDir: '/data', port: 27017, freeBytes }) ?? '';

const EXPECTED: [log: string, advice: RegExp][] = [
  [
    'diskFullAtStart',
    /^The disk is full: free some space for \/data, and start again\. Its data are kept\.$/,
  ],
  ['diskFullAtFirst', /^The disk is full/],
  ['diskFullAtWork', /^The disk is full/],
  ['diskFullAgain', /^The disk is full/],
  ['readOnly', /^\/data is on a file system that is mounted read-only/],
  ['noRight', /^Permission is denied: this user must be able to read and write all of \/data/],
  ['noRightToWrite', /^Permission is denied/],
  ['noThreads', /^Memory or threads ran out/],
  ['noMemory', /^Memory or threads ran out/],
  ['noFiles', /^Too many files are open: raise the limit \(ulimit -n\)/],
  ['otherVersion', /^The data in \/data were written by another version/],
  ['damaged', /^The data in \/data are damaged: \/x\/mongod --repair/],
  ['damagedIndex', /^The data in \/data are damaged/],
  ['fileMissing', /^The data in \/data are damaged/],
];
const DATA_UNUSABLE = ['otherVersion', 'damaged', 'damagedIndex', 'fileMissing'];

describe('the advice on a mongod that ended', () => {
  for (const [name, advice] of EXPECTED) {
    it(`names the cause: ${name}`, async () => {
      const sentence = ended(await readFile(join(LOGS, `${name}.txt`), 'utf8'));
      assert.match(sentence, advice);
      assert.equal(
        /delete/.test(sentence),
        DATA_UNUSABLE.includes(name),
        'deleting is advised for unusable data only',
      );
    });
  }

  it('recognises a disk quota, and a disk with errors', async () => {
    const full = await readFile(join(LOGS, 'diskFullAtWork.txt'), 'utf8');
    assert.match(
      ended(full.replaceAll('No space left on device', 'Disk quota exceeded')),
      /^The disk quota/,
    );
    assert.match(ended(full.replaceAll('No space left on device', 'Input/output error')), /reports errors/);
  });

  it('goes by the free space when the log says nothing', () => {
    assert.match(ended('', 'SIGABRT', 4096), /^The disk is almost full/);
    assert.equal(ended('', 'SIGABRT', null), '');
  });

  it('names a binary that does not run here', () => {
    assert.match(
      ended('guarded: 1: exec: /x/mongod: Exec format error', 'exit code 126'),
      /another kind of machine/,
    );
    assert.match(
      ended('guarded: 1: exec: /x/mongod: not found', 'exit code 127'),
      /or a library .* is missing/,
    );
    assert.match(ended('', 'SIGILL'), /newer processor/);
  });

  it('is empty when the cause is unknown, and ignores lines that are no errors', async () => {
    const info = (await readFile(join(LOGS, 'diskFullAtStart.txt'), 'utf8')).split('\n')
      .filter((line) => line.includes('"s":"I"')).join('\n');
    assert.match(info, /featureCompatibilityVersion/);
    assert.equal(ended(info, 'SIGKILL'), '');
  });
});
