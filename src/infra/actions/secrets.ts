/**
 * Secrets by name: from a directory with a file for each, as Kubernetes mounts them, or from environment
 * variables. A file is read at each use, so that a new value counts at once. The value of a secret is in no
 * log and in no error.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { secretNameProblem } from '../../domain/actions/secretName.ts';

const MAX_BYTES = 64 * 1024;

/** Kubernetes may replace a file between finding and opening it: it is then looked for again. */
const TRIES = 3;

/** Not through a link that came since the file was found, and without waiting for the writer of a pipe. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Resolves with the secret of that name, which is never empty; rejects with a sentence. */
export type ReadSecret = (name: string) => Promise<string>;

/**
 * `dir` is SECRETS_DIR, null when it is not set. A file in it comes before the environment variable. One line
 * end after a secret does not belong to it.
 */
export function secretsFrom(
  dir: string | null,
  env: Readonly<Record<string, string | undefined>>,
): ReadSecret {
  return async (name) => {
    const problem = secretNameProblem(name);
    if (problem !== null) throw new Error(`There is no such secret: ${problem}.`);
    const text = (dir === null ? null : await fromFile(dir, name)) ?? env[`SECRET_${name}`];
    if (text === undefined) throw new Error(notFound(dir, name));
    const secret = text.replace(/\r?\n$/, '');
    if (secret === '') throw new Error(`The secret ${name} is empty.`);
    return secret;
  };
}

function notFound(dir: string | null, name: string): string {
  const files = dir === null ? 'SECRETS_DIR is not set' : `SECRETS_DIR (${dir}) has no file ${name}`;
  return `The secret ${name} was not found: ${files}, and SECRET_${name} is not set.`;
}

/** The text of the secret's file; null when there is none. */
async function fromFile(dir: string, name: string): Promise<string | null> {
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      const path = await found(dir, name);
      if (path === null) return null;
      const file = await unlessMissing(open(path, FLAGS));
      if (file === null) continue;
      try {
        return await textOf(file);
      } finally {
        await file.close();
      }
    }
    throw new Error('it is replaced again and again');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`The secret ${name} can't be read from SECRETS_DIR (${dir}): ${code ?? message}.`);
  }
}

/** Where the file is, after all links; null when there is none. */
async function found(dir: string, name: string): Promise<string | null> {
  const path = await unlessMissing(realpath(join(dir, name)));
  if (path !== null && !path.startsWith(`${await realpath(dir)}${sep}`)) {
    throw new Error('it is a link that leads out of the directory');
  }
  return path;
}

async function unlessMissing<T>(done: Promise<T>): Promise<T | null> {
  try {
    return await done;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function textOf(file: FileHandle): Promise<string> {
  const stat = await file.stat();
  if (!stat.isFile()) throw new Error('it is not a file');
  if (stat.size > MAX_BYTES) throw new Error(`it has ${stat.size} bytes; at most ${MAX_BYTES} are allowed`);
  const bytes = await file.readFile();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8 text');
  }
}
