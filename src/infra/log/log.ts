import { brief } from '../../actors/shared/brief.ts';
import type { Clock, Logger } from '../../actors/shared/environment.ts';
import { printableLine } from './printable.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The line sink: standard output, except in tests. */
export type WriteLine = (line: string) => void;

/** A field's value with more parts, or more characters of text, is abbreviated (G9). */
const MAX_PARTS = 1000;
const MAX_TEXT = 32 * 1024;

/**
 * One JSON object per line: `time` (RFC 3339, this machine's clock), `level`, `msg`, `replica`,
 * then the message's fields. Errors are written as their message and their cause's. Never throws,
 * whatever the fields: callers often log in the middle of another failure. Terminal control
 * characters are escaped.
 *
 * No library does this: safe-stable-stringify and its like handle cycles and bigints, but let a getter
 * that throws throw, write an error as `{}`, and bound depth and breadth only, not the whole line.
 */
export function jsonLogger(
  options: { level: LogLevel; replica: string; clock: Clock; write: WriteLine },
): Logger {
  const { level: lowest, replica, clock, write } = options;
  const at = (level: LogLevel) => (msg: string, fields?: Record<string, unknown>): void => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(lowest)) return;
    write(logLine({ time: new Date(clock.now()), level, msg, replica }, fields));
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** The line, with its line end. `fields` override `known` fields of the same name. */
export function logLine(known: Record<string, unknown>, fields: Record<string, unknown> = {}): string {
  const parts = new Map<string, string>();
  for (const [from, name] of [...namesOf(known), ...namesOf(fields)]) {
    const json = jsonOf(() => from[name]);
    if (json !== undefined) parts.set(name, json);
  }
  const members = [...parts].map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  return `${printableLine(`{${members.join()}}`)}\n`;
}

function namesOf(fields: Record<string, unknown>): [from: Record<string, unknown>, name: string][] {
  try {
    return Object.keys(fields).map((name) => [fields, name]);
  } catch {
    return [[{ fields: '[unreadable]' }, 'fields']];
  }
}

/** A value as JSON; undefined for one without a JSON form, such as a function. */
function jsonOf(read: () => unknown): string | undefined {
  try {
    const value = read();
    try {
      return JSON.stringify(value, bounded());
    } catch {
      // A cycle, a `toJSON` that throws, or a value beyond the limits.
      return JSON.stringify(brief(value));
    }
  } catch {
    return '"[unreadable]"';
  }
}

/** A replacer that writes values without a JSON form as text, and throws beyond the limits. */
function bounded(): (key: string, value: unknown) => unknown {
  let parts = 0;
  let text = 0;
  return (key, value) => {
    const shown = asText(value);
    text += key.length + (typeof shown === 'string' ? shown.length : 0);
    if (++parts > MAX_PARTS || text > MAX_TEXT) {
      throw new RangeError('The value is too large for a log line.');
    }
    return shown;
  };
}

function asText(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value instanceof Error ? errorText(value) : value;
}

function errorText({ message, cause }: Error): string {
  return cause instanceof Error && !message.includes(cause.message)
    ? `${message} (${cause.message})`
    : message;
}
