/**
 * The remedy for a mongod that has ended, from its log, which often names the wrong cause: its storage
 * engine takes a full disk for damaged data, and a read-only one is reported as another mongod that holds
 * the lock. So causes outside of the data come first, and deleting data is suggested only when they are
 * damaged, or of another version.
 */
export interface Ended {
  log: string;
  /** `exit code 100`, `SIGABRT`. */
  how: string;
  binary: string;
  dataDir: string;
  port?: number | undefined;
  /** Free space on the disk of the data; null when unknown. */
  freeBytes: number | null;
}

/** Below this a mongod can't continue, and may be unable to log why. */
const TOO_LITTLE_BYTES = 16 * 1024 * 1024;

const DATA_ARE_KEPT = 'Its data are kept.';

type Advice = [
  applies: (ended: Ended & { relevant: string }) => boolean,
  sentence: (ended: Ended) => string,
];

const inLog = (pattern: RegExp) => ({ relevant }: { relevant: string }) => pattern.test(relevant);

/** The first match applies. */
const ADVICE: Advice[] = [
  [inLog(/Address already in use/), ({ port }) => `Port ${port} is taken: choose another one.`],
  [
    inLog(/No space left on device|OutOfDiskSpace/),
    ({ dataDir }) => `The disk is full: free some space for ${dataDir}, and start again. ${DATA_ARE_KEPT}`,
  ],
  [
    inLog(/Disk quota exceeded/),
    ({ dataDir }) =>
      `The disk quota is used up: free some space for ${dataDir}, and start again. ${DATA_ARE_KEPT}`,
  ],
  [
    inLog(/Read-only file system/),
    ({ dataDir }) => `${dataDir} is on a file system that is mounted read-only: mount it for writing.`,
  ],
  [
    inLog(/Input\/output error/),
    ({ dataDir }) => `The disk of ${dataDir} reports errors: see the kernel's log (dmesg).`,
  ],
  [
    inLog(/Permission denied|Operation not permitted|read-only directory/),
    ({ dataDir }) =>
      `Permission is denied: this user must be able to read and write all of ${dataDir} (chown -R), and to run mongod.`,
  ],
  [
    inLog(/Too many open files/),
    () => `Too many files are open: raise the limit (ulimit -n). ${DATA_ARE_KEPT}`,
  ],
  [
    inLog(/DBPathInUse|Another mongod instance is already running/),
    ({ dataDir }) => `Another mongod uses ${dataDir}: stop it first.`,
  ],
  [
    inLog(
      /Cannot allocate memory|[Oo]ut of memory|bad_alloc|JS_Init|thread_create.*Resource temporarily unavailable/,
    ),
    () => `Memory or threads ran out, or are limited (ulimit -v, -u): allow more. ${DATA_ARE_KEPT}`,
  ],
  [
    inLog(/Exec format error|cannot execute binary file/),
    ({ binary }) =>
      `${binary} is built for another kind of machine: set MONGOD_BINARY to a build for this one.`,
  ],
  [
    ({ how, relevant }) => how === 'exit code 127' || /error while loading shared libraries/.test(relevant),
    ({ binary }) => `${binary}, or a library that it needs, is missing: set MONGOD_BINARY to another one.`,
  ],
  [
    ({ how }) => how === 'SIGILL',
    ({ binary }) =>
      `${binary} needs a newer processor than this one (AVX): set MONGOD_BINARY to a build that does not.`,
  ],
  [
    inLog(
      /UPGRADE PROBLEM|Wrong mongod version|IncompatibleServerVersion|unsupported WiredTiger (log )?file version/,
    ),
    ({ dataDir }) =>
      `The data in ${dataDir} were written by another version: set MONGOD_BINARY to that version, or delete the ` +
      'directory if the data are not needed.',
  ],
  [
    ({ freeBytes }) => freeBytes !== null && freeBytes < TOO_LITTLE_BYTES,
    ({ dataDir }) =>
      `The disk is almost full: free some space for ${dataDir}, and start again. ${DATA_ARE_KEPT}`,
  ],
  [
    inLog(
      /checksum error|WT_TRY_SALVAGE|data(base)? corruption|CursorNotFound|\.wt: handle-open.*No such file/,
    ),
    ({ dataDir, binary }) =>
      `The data in ${dataDir} are damaged: ${binary} --repair --dbpath ${dataDir} may repair them; ` +
      'if they are not needed, delete the directory.',
  ],
];

/** A sentence; null when the cause is unknown. */
export function adviceOn(ended: Ended): string | null {
  const relevant = relevantLines(ended.log).join('\n');
  const found = ADVICE.find(([applies]) => applies({ ...ended, relevant }));
  return found === undefined ? null : found[1](ended);
}

/** Lines that mongod marks as errors, and lines that are not in its format: from the shell or the linker. */
export function relevantLines(log: string): string[] {
  return log.trimEnd().split('\n').filter((line) => /"s":"[EF]"/.test(line) || !line.startsWith('{'));
}
