/**
 * The remedy for a mongod that has ended, from its log, whose own words often name the wrong cause. A
 * full disk looks like damage to its storage engine, and a read-only one is reported as another
 * mongod that holds the lock. So causes outside of the data come first, and only data that are
 * damaged, or of another version, are ever called unusable.
 */
export interface Ended {
  log: string;
  /** `exit code 100`, `SIGABRT`. */
  how: string;
  binary: string;
  dataDir: string;
  port?: number | undefined;
  /** Free space where the data are; null when unknown. */
  freeBytes: number | null;
}

/** Below this a mongod can't continue; its log may not have had the room to say so. */
const TOO_LITTLE_BYTES = 16 * 1024 * 1024;

const DATA_ARE_KEPT = 'Its data are kept.';

type Advice = [sign: (ended: Ended & { telling: string }) => boolean, sentence: (ended: Ended) => string];

const inLog = (pattern: RegExp) => ({ telling }: { telling: string }) => pattern.test(telling);

/** The first match applies. */
const ADVICE: Advice[] = [
  [inLog(/Address already in use/), ({ port }) => `Port ${port} is taken: choose another one.`],
  [
    inLog(/No space left on device|OutOfDiskSpace/),
    ({ dataDir }) => `The disk is full: make room where ${dataDir} is, and start again. ${DATA_ARE_KEPT}`,
  ],
  [
    inLog(/Disk quota exceeded/),
    ({ dataDir }) =>
      `The quota of disk space is used up: make room where ${dataDir} is, and start again. ${DATA_ARE_KEPT}`,
  ],
  [
    inLog(/Read-only file system/),
    ({ dataDir }) => `${dataDir} is on a file system that is mounted read-only: mount it for writing.`,
  ],
  [
    inLog(/Input\/output error/),
    ({ dataDir }) => `The disk that ${dataDir} is on reports errors: see the log of the kernel (dmesg).`,
  ],
  [
    inLog(/Permission denied|Operation not permitted|read-only directory/),
    ({ dataDir }) =>
      `A right is missing: this user must be able to read and write all of ${dataDir} (chown -R), and to run mongod.`,
  ],
  [
    inLog(/Too many open files/),
    () => `Too many files are open: raise the limit (ulimit -n). ${DATA_ARE_KEPT}`,
  ],
  [
    inLog(/DBPathInUse|Another mongod instance is already running/),
    ({ dataDir }) => `Another mongod works on ${dataDir}: stop it first.`,
  ],
  [
    inLog(
      /Cannot allocate memory|[Oo]ut of memory|bad_alloc|JS_Init|thread_create.*Resource temporarily unavailable/,
    ),
    () => `Memory or threads ran out, or are limited (ulimit -v, -u): give it more. ${DATA_ARE_KEPT}`,
  ],
  [
    inLog(/Exec format error|cannot execute binary file/),
    ({ binary }) => `${binary} is for another kind of machine: name one for this one (MONGOD_BINARY).`,
  ],
  [
    ({ how, telling }) => how === 'exit code 127' || /error while loading shared libraries/.test(telling),
    ({ binary }) => `${binary}, or a library that it needs, is missing: name another one (MONGOD_BINARY).`,
  ],
  [
    ({ how }) => how === 'SIGILL',
    ({ binary }) =>
      `${binary} needs a newer processor than this one (AVX): name a build that does not (MONGOD_BINARY).`,
  ],
  [
    inLog(
      /UPGRADE PROBLEM|Wrong mongod version|IncompatibleServerVersion|unsupported WiredTiger (log )?file version/,
    ),
    ({ dataDir }) =>
      `The data in ${dataDir} were written by another version: use that one (MONGOD_BINARY), or delete the ` +
      'directory if they are not needed.',
  ],
  [
    ({ freeBytes }) => freeBytes !== null && freeBytes < TOO_LITTLE_BYTES,
    ({ dataDir }) =>
      `The disk is as good as full: make room where ${dataDir} is, and start again. ${DATA_ARE_KEPT}`,
  ],
  [
    inLog(
      /checksum error|WT_TRY_SALVAGE|data(base)? corruption|CursorNotFound|\.wt: handle-open.*No such file/,
    ),
    ({ dataDir, binary }) =>
      `The data in ${dataDir} are damaged: ${binary} --repair --dbpath ${dataDir} may mend them; if they are not ` +
      'needed, delete the directory.',
  ],
];

/** A sentence; null when the cause is unknown. */
export function adviceOn(ended: Ended): string | null {
  const telling = tellingLines(ended.log).join('\n');
  const found = ADVICE.find(([applies]) => applies({ ...ended, telling }));
  return found === undefined ? null : found[1](ended);
}

/**
 * Lines that mongod itself marks as errors, and lines that are not from its log: from the shell or
 * the linker.
 */
export function tellingLines(log: string): string[] {
  return log.trimEnd().split('\n').filter((line) => /"s":"[EF]"/.test(line) || !line.startsWith('{'));
}
