/**
 * The logs are real ones, of a MongoDB 6.0.5 that was given a full tmpfs, a read-only one, a limit and so on, cut to
 * the lines that tell, and to those that misled.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { adviceOn } from '../../src/local/mongodAdvice.ts';
import { PROJECT_DIR } from '../../src/local/runtime.ts';

const LOGS = join(PROJECT_DIR, 'tests', 'local', 'mongodLogs');
const MUCH = 2 ** 40;
const ended = (log: string, how = 'SIGABRT', freeBytes: number | null = MUCH) =>
  adviceOn({ log, how, binary: '/x/mongod', dataDir: '/data', port: 27017, freeBytes }) ?? '';

/** The name of a log, and what is said about it. */
const TOLD: [log: string, advice: RegExp][] = [
  ['diskFullAtStart', /^The disk is full: make room where \/data is, and start again\. Its data are kept\.$/],
  ['diskFullAtFirst', /^The disk is full/],
  ['diskFullAtWork', /^The disk is full/],
  ['diskFullAgain', /^The disk is full/],
  ['readOnly', /^\/data is on a file system that is mounted read-only/],
  ['noRight', /^A right is missing: this user must be able to read and write all of \/data/],
  ['noRightToWrite', /^A right is missing/],
  ['noThreads', /^Memory or threads ran out/],
  ['noMemory', /^Memory or threads ran out/],
  ['noFiles', /^Too many files are open: raise the limit \(ulimit -n\)/],
  ['otherVersion', /^The data in \/data were written by another version/],
  ['damaged', /^The data in \/data are damaged: \/x\/mongod --repair/],
  ['damagedIndex', /^The data in \/data are damaged/],
  ['fileMissing', /^The data in \/data are damaged/],
];
const DATA_ARE_AT_FAULT = ['otherVersion', 'damaged', 'damagedIndex', 'fileMissing'];

describe('what is said about a mongod that ended', () => {
  for (const [name, advice] of TOLD) {
    it(`is its cause: ${name}`, async () => {
      const said = ended(await readFile(join(LOGS, `${name}.txt`), 'utf8'));
      assert.match(said, advice);
      assert.equal(/delete/.test(said), DATA_ARE_AT_FAULT.includes(name), 'deleting is for bad data only');
    });
  }

  it('takes a quota, and a disk with errors, for what they are', async () => {
    const full = await readFile(join(LOGS, 'diskFullAtWork.txt'), 'utf8');
    assert.match(
      ended(full.replaceAll('No space left on device', 'Disk quota exceeded')),
      /^The quota of disk/,
    );
    assert.match(ended(full.replaceAll('No space left on device', 'Input/output error')), /reports errors/);
  });

  it('goes by how much room there is, when the log had none to say it', () => {
    assert.match(ended('', 'SIGABRT', 4096), /^The disk is as good as full/);
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

  it('is nothing when nothing is known, nor by what is no error', async () => {
    const info = (await readFile(join(LOGS, 'diskFullAtStart.txt'), 'utf8')).split('\n')
      .filter((line) => line.includes('"s":"I"')).join('\n');
    assert.match(info, /featureCompatibilityVersion/);
    assert.equal(ended(info, 'SIGKILL'), '');
  });
});
