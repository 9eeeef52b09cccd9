/** Reads an untrusted JSON body: bounded in size and depth, with a sentence for each fault. */
import type { Context } from 'hono';
import type { Problem as FieldProblem } from '../../domain/schedules/spec.ts';
import { brokenUnicode } from '../../domain/shared/text.ts';
import { shapeProblem } from './jsonShape.ts';
import { invalidBody, Problem } from './problem.ts';

const MAX_BODY_BYTES = 1024 * 1024;
/** Initial size of the read buffer. */
const FIRST_BYTES = 16 * 1024;

/** Limit for all bodies being read in this process: a client may leave one unfinished for 30 s. */
const MAX_READING_BYTES = 32 * 1024 * 1024;
let readingBytes = 0;

/**
 * The media types of a JSON body. `curl -d` calls everything a form, and scripts that omit the type
 * or send text/plain work too; origin.ts prevents that a page of another site makes use of it.
 */
const JSON_TYPES = /^(application\/json|[^/]+\/[^/]+\+json|text\/plain|application\/x-www-form-urlencoded)$/;

/**
 * The JSON value in the body of the request. Of repeated keys the last one counts. Throws a
 * `Problem`: 400 not JSON, 413 too large, 415 not declared as JSON, 422 too deep, too many values, or a
 * dangerous key.
 */
export async function readJson(c: Context): Promise<unknown> {
  return await read(c, (text) => parse(text));
}

/** The body of a command, validated by `check`. A missing body counts as an empty object. */
export async function readCommand<T>(
  c: Context,
  check: (body: unknown) => { ok: true; value: T } | { ok: false; problems: FieldProblem[] },
): Promise<T> {
  const checked = check(await read(c, (text) => text.trim() === '' ? {} : parse(text)));
  if (!checked.ok) throw invalidBody(checked.problems);
  return checked.value;
}

async function read(c: Context, parse: (text: string) => unknown): Promise<unknown> {
  requireJsonType(c);
  const bytes = await readBytes(c.req.raw);
  const shape = shapeProblem(bytes);
  if (shape !== null) throw invalidBody([{ pointer: '', detail: shape }]);
  const value = parse(decode(bytes));
  const problem = hazard(value);
  if (problem) throw invalidBody([problem]);
  return value;
}

function requireJsonType(c: Context): void {
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type && !JSON_TYPES.test(type)) {
    throw new Problem(415, `the body is of type ${type}; send JSON, with Content-Type: application/json`);
  }
  const encoding = c.req.header('content-encoding');
  if (encoding && encoding.toLowerCase() !== 'identity') {
    throw new Problem(
      415,
      `the body is encoded with ${encoding}; send it uncompressed, without Content-Encoding`,
    );
  }
}

/**
 * Counts while it reads: a chunked body announces no length. Keeps no chunks: each has overhead, and
 * there may be a million of them of one byte.
 */
async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length')) > MAX_BODY_BYTES) throw tooLarge();
  let bytes = new Uint8Array(FIRST_BYTES);
  let size = 0;
  const reader = request.body?.getReader();
  readingBytes += bytes.length;
  try {
    while (reader) {
      const { done, value } = await reader.read().catch(() => {
        throw new Problem(400, 'the connection ended before the end of the body');
      });
      if (done) break;
      // Does not cancel the stream: that would close the connection before the client has received
      // the response.
      if (size + value.length > MAX_BODY_BYTES) throw tooLarge();
      const larger = withRoom(bytes, size, value.length);
      readingBytes += larger.length - bytes.length;
      bytes = larger;
      if (readingBytes > MAX_READING_BYTES) throw tooMany();
      bytes.set(value, size);
      size += value.length;
    }
    return bytes.subarray(0, size);
  } finally {
    readingBytes -= bytes.length;
  }
}

/** The first `size` bytes, in an array that has room for more. */
function withRoom(bytes: Uint8Array<ArrayBuffer>, size: number, more: number): Uint8Array<ArrayBuffer> {
  if (size + more <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.min(Math.max(bytes.length * 2, size + more), MAX_BODY_BYTES));
  larger.set(bytes.subarray(0, size));
  return larger;
}

function tooMany(): Problem {
  return new Problem(503, 'too many large request bodies are in progress; try again', {
    headers: { 'Retry-After': '2', Connection: 'close' },
  });
}

function tooLarge(): Problem {
  return new Problem(413, `the body is larger than 1 MiB (${MAX_BODY_BYTES} bytes)`, {
    headers: { Connection: 'close' },
  });
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(400, 'the body is not JSON: its bytes are not valid UTF-8');
  }
}

function parse(text: string): unknown {
  if (text.trim() === '') throw new Problem(400, 'the body is empty; send a JSON object');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem(400, `the body is not JSON: ${located((error as Error).message, text)}`);
  }
}

/** The parser's message, with its position, if it gives one, as line and column. */
function located(message: string, text: string): string {
  const atEnd = message === 'Unexpected end of JSON input';
  const position = atEnd ? text.length : Number(/ at position (\d+)/.exec(message)?.[1] ?? NaN);
  if (Number.isNaN(position)) return message;
  let [lines, lineStart] = [1, 0];
  for (let at = text.indexOf('\n'); at >= 0 && at < position; at = text.indexOf('\n', at + 1)) {
    lines++;
    lineStart = at + 1;
  }
  const where = `line ${lines}, column ${position - lineStart + 1}`;
  return `${message.replace(/ (in JSON )?at position .*$/, '')} at ${where}`;
}

/**
 * The first forbidden part of a value, at any depth: a key with a special meaning in JavaScript
 * (`__proto__`), a key that can't be stored (NUL in BSON), or a key or string with broken Unicode.
 * The shape was checked before, so the value is neither deep nor large. The pointer is built on the
 * way back, only for a fault.
 */
function hazard(value: unknown): FieldProblem | null {
  const found = firstHazard(value);
  if (found === null) return null;
  const { pointer, key, problem } = found;
  if (key !== null) return { pointer, detail: `the key ${JSON.stringify(key)} ${problem}` };
  return { pointer, detail: `the string ${pointer && `at ${pointer} `}${problem}` };
}

interface Hazard {
  pointer: string;
  /** Null when it is a string. */
  key: string | null;
  problem: string;
}

function firstHazard(value: unknown): Hazard | null {
  if (typeof value === 'string') {
    const problem = brokenUnicode(value);
    return problem === null ? null : { pointer: '', key: null, problem };
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, child] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const problem = typeof key === 'string' ? keyProblem(key) : null;
    if (problem !== null) return { pointer: pointerTo(String(key)), key: String(key), problem };
    const found = firstHazard(child);
    if (found) return { ...found, pointer: `${pointerTo(String(key))}${found.pointer}` };
  }
  return null;
}

function keyProblem(key: string): string | null {
  return key === '__proto__' || key.includes('\0') ? 'is not allowed' : brokenUnicode(key);
}

function pointerTo(key: string): string {
  return `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
