/**
 * Reads stored `http` actions. Another version, or a manual edit, may have written one. Its parts have the
 * rules of a client's, and it is set aside when this version does not understand all of it.
 */
import type { Finding } from '../shared/fields.ts';
import { shown } from '../shared/reading.ts';
import { short } from '../shared/text.ts';
import { HTTP_METHODS, takesBody } from './httpAction.ts';
import { bodyFindings } from './httpBody.ts';
import { signingFindings, successFindings } from './httpFields.ts';
import { headerFindings } from './httpHeaders.ts';
import { urlProblem } from './httpUrl.ts';

type Check = (value: unknown) => string | null;

const isOneOf = (...words: readonly string[]): Check => (value) =>
  words.includes(value as string) ? null : `is ${shown(value)}, which this version does not know`;
const isUrl: Check = (value) => typeof value === 'string' ? urlProblem(value) : 'is not a string';
const isBoolean: Check = (value) => typeof value === 'boolean' ? null : 'is neither true nor false';
const isSigning: Check = (value) => {
  if (!isRecord(value)) return 'is not an object';
  const unknown = Object.keys(value).find((name) => name !== 'secrets');
  if (unknown !== undefined) return `has ${unknown}, a field that this version does not know`;
  const problem = isWithout(signingFindings)(value.secrets);
  return problem === null ? null : `has secrets ${problem}`;
};

/** Fails with the first finding, and the part that it is about. */
function isWithout(find: (value: unknown) => Iterable<Finding>): Check {
  return (value) => {
    for (const { path, message } of find(value)) {
      return path.length === 0 ? message : `at ${short(path.join('/'), 80)} ${message}`;
    }
    return null;
  };
}

const NEEDED: Readonly<Record<string, Check>> = {
  type: isOneOf('http'),
  method: isOneOf(...HTTP_METHODS),
  url: isUrl,
  headers: isWithout(headerFindings),
  success: isWithout(successFindings),
  cloud_events: isBoolean,
};
const OPTIONAL: Readonly<Record<string, Check>> = { body: isWithout(bodyFindings), signing: isSigning };

/** Why a stored value is not an `http` action of this version, as a part of a sentence; null when it is one. */
export function httpActionProblem(value: unknown): string | null {
  if (!isRecord(value)) return 'is not an object';
  for (const [name, check] of Object.entries(NEEDED)) {
    const problem = value[name] === undefined ? 'is missing' : check(value[name]);
    if (problem !== null) return `has ${name} ${problem}`;
  }
  for (const [name, part] of Object.entries(value)) {
    if (Object.hasOwn(NEEDED, name) || part === undefined) continue;
    const check = Object.hasOwn(OPTIONAL, name) ? OPTIONAL[name] : undefined;
    const problem = check === undefined ? 'is a field that this version does not know' : check(part);
    if (problem !== null) return `has ${short(name).slice(1, -1)} ${problem}`;
  }
  const isRead = value.body === undefined || takesBody(value.method as string);
  return isRead ? null : `has body beside the method ${value.method}, which takes none`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
