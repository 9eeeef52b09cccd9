/**
 * Reading a JSON body from anybody: bounded in size and depth, and with a sentence for each way in which it
 * can be wrong.
 */
import type { Context } from 'hono';
import type { Problem as FieldProblem } from '../domain/spec.ts';
import { brokenUnicode } from '../domain/text.ts';
import { invalidBody, Problem } from './problem.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** More than any body needs, and less than BSON's 100. */
const MAX_DEPTH = 32;

/**
 * The media types of a JSON body. `curl -d` calls everything a form, and scripts that leave the type out or
 * say text/plain have always worked; what a browser page of another site could do with that is prevented in
 * origin.ts.
 */
const JSON_TYPES = /^(application\/json|[^/]+\/[^/]+\+json|text\/plain|application\/x-www-form-urlencoded)$/;

/**
 * The JSON value in the body of the request. Of repeated keys the last one counts. Throws a `Problem`: 400
 * not JSON, 413 too large, 415 not called JSON, 422 too deep or with a key that could do harm.
 */
export async function readJson(c: Context): Promise<unknown> {
  return await read(c, (text) => parse(text));
}

/** The body of a command, checked by `check`. It may be left out: that counts as an empty object. */
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
  const value = parse(decode(await readBytes(c.req.raw)));
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
      `the body is encoded with ${encoding}; send it as it is, without Content-Encoding`,
    );
  }
}

/** Counts while it reads: a chunked body announces no length. */
async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length')) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read().catch(() => {
      throw new Problem(400, 'the body broke off before its end');
    });
    if (done) break;
    size += value.length;
    // The stream is not cancelled: that would tear the connection down before the client has got the answer.
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(value);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
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

/** The parser's message with its position, when it tells one, as line and column. */
function located(message: string, text: string): string {
  const atEnd = message === 'Unexpected end of JSON input';
  const position = atEnd ? text.length : Number(/ at position (\d+)/.exec(message)?.[1] ?? NaN);
  if (Number.isNaN(position)) return message;
  const lines = text.slice(0, position).split('\n');
  const where = `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
  return `${message.replace(/ (in JSON )?at position .*$/, '')} at ${where}`;
}

/**
 * The first thing that a value must not hold, wherever it is: a key that means something else than a field to
 * JavaScript (`__proto__`) or can't be stored (NUL in BSON), a key or string that is no whole Unicode, or nesting
 * that would exhaust the stack of those who walk it. Walked without recursion for the same reason.
 */
function hazard(body: unknown): FieldProblem | null {
  const open = [{ value: body, pointer: '', depth: 1 }];
  for (let item = open.pop(); item; item = open.pop()) {
    const { value, pointer, depth } = item;
    const broken = typeof value === 'string' ? brokenUnicode(value) : null;
    if (broken !== null) return { pointer, detail: `the string ${pointer && `at ${pointer} `}${broken}` };
    if (typeof value !== 'object' || value === null) continue;
    if (depth > MAX_DEPTH) return { pointer, detail: `the body is nested deeper than ${MAX_DEPTH} levels` };
    for (const [key, child] of Object.entries(value)) {
      const at = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (key === '__proto__' || key.includes('\0')) {
        return { pointer: at, detail: `the key ${JSON.stringify(key)} is not allowed` };
      }
      const brokenKey = brokenUnicode(key);
      if (brokenKey !== null) return { pointer: at, detail: `the key ${JSON.stringify(key)} ${brokenKey}` };
      open.push({ value: child, pointer: at, depth: depth + 1 });
    }
  }
  return null;
}
