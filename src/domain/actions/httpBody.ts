/** The body of an `http` action: its rules, and how its placeholders are filled in. */
import type { Finding } from '../shared/fields.ts';
import { brokenUnicode, short } from '../shared/text.ts';
import type { Json } from './httpAction.ts';
import { fill, type Filling, templateProblem } from './template.ts';

/** Bytes of the body as it would be sent with its placeholders as they are. */
const MAX_BODY = 64 * 1024;
/** Objects and arrays inside each other. The database nests a hundred, and the body lies deep in a run. */
const MAX_DEPTH = 32;

/** What is wrong with the body of an action. */
export function* bodyFindings(value: unknown): Generator<Finding> {
  let isWhole = true;
  for (const finding of jsonFindings(value, [])) {
    isWhole = false;
    yield finding;
  }
  if (!isWhole) return;
  const bytes = new TextEncoder().encode(sentText(value as Json)).length;
  if (bytes > MAX_BODY) yield { path: [], message: `has ${bytes} bytes; at most ${MAX_BODY} are allowed` };
}

function* jsonFindings(value: unknown, path: Finding['path']): Generator<Finding> {
  const message = scalarProblem(value);
  if (message !== null) return yield { path, message };
  if (typeof value !== 'object' || value === null) return;
  if (path.length === MAX_DEPTH) {
    return yield {
      path,
      message: `lies deeper than ${MAX_DEPTH} objects and arrays, as many as are allowed`,
    };
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) yield* jsonFindings(value[index], [...path, index]);
    return;
  }
  for (const [name, part] of Object.entries(value)) {
    const message = nameProblem(name, value);
    if (message !== null) yield { path: [...path, name], message };
    yield* jsonFindings(part, [...path, name]);
  }
}

function scalarProblem(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return brokenUnicode(value) ?? templateProblem(value, { secrets: true });
    case 'number':
      return numberProblem(value);
    case 'boolean':
      return null;
    case 'object':
      return isJsonObject(value) ? null : 'is not a JSON value';
    default:
      return 'is not a JSON value';
  }
}

/** A number that was read from JSON is cut to what fits: the receiver would get another one. */
function numberProblem(value: number): string | null {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
    ? null
    : 'is a number beyond ±9007199254740991, which is not read exactly; write it as a string';
}

/** Also false for what only a store can hold, such as a date. */
function isJsonObject(value: object | null): boolean {
  if (value === null || Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A problem of a field's name. The database's driver takes some for its own. */
function nameProblem(name: string, of: object): string | null {
  const elsewhere = 'write the body as a string of JSON, with the header Content-Type';
  if (name.includes('{{')) return `the name of a field has no placeholders; ${elsewhere}`;
  if (name.includes('\0')) return `the name of this field has the character U+0000; ${elsewhere}`;
  if (name === '_bsontype' || name === '$id' && Object.hasOwn(of, '$ref')) {
    return `${short(name)} can't be stored as the name of a field here; ${elsewhere}`;
  }
  return brokenUnicode(name);
}

/** The text of a body with its placeholders filled in: each string by itself, so that JSON keeps its structure. */
export function filledBody(body: Json, filling: Filling): string {
  return sentText(filledJson(body, filling));
}

function filledJson(value: Json, filling: Filling): Json {
  if (typeof value === 'string') return fill(value, filling);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((part) => filledJson(part, filling));
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, filledJson(part, filling)]),
  );
}

function sentText(body: Json): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

/** All strings in which placeholders are filled in. */
export function* stringsIn(value: Json): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) yield* stringsIn(part);
  }
}
