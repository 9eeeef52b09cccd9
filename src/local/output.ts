/**
 * Output of the local cluster: readable text on a terminal, JSON lines (time, level, msg, replica, …)
 * anywhere else. Terminal control sequences are escaped, from any source.
 */
import type { Clock } from '../actors/shared/environment.ts';
import { BoundedLines } from '../infra/log/boundedLines.ts';
import { logLine } from '../infra/log/log.ts';
import { printableLine, printableText } from '../infra/log/printable.ts';
import { standardStream } from '../infra/log/stdio.ts';

export interface Output {
  /** A line that a replica printed, without its newline. */
  replicaLine(replica: string, line: string): void;
  /** A message of the cluster itself. */
  say(message: string, level?: Level): void;
  /** Text for a terminal only, such as what to try next. */
  hint(text: string): void;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

export interface OutputOptions {
  write: (text: string) => void;
  /** Whether the output is a terminal. */
  terminal: boolean;
  colour: boolean;
  /** For lines without a time of their own. */
  clock: Pick<Clock, 'now'>;
}

export interface StandardOutput extends Output {
  /** Resolves when all output is written, or after `limitMs`: for the end of the process. */
  flush(limitMs: number): Promise<void>;
}

/**
 * The output on this process's stdout; NO_COLOR turns colours off. Never waits for a reader: lines
 * beyond the buffer of a stopped terminal are dropped, and the front door continues.
 */
export function standardOutput(clock: Clock): StandardOutput {
  const terminal = process.stdout.isTTY === true;
  const gap = (lines: number) => {
    const msg = `${lines} lines were dropped here: they were not read, or could not be written`;
    return terminal ? `${msg}\n` : logLine({ time: timeOf(clock), level: 'warn', msg });
  };
  const lines = new BoundedLines({ write: standardStream('stdout'), gap });
  const write = (text: string) => lines.write(text);
  const colour = terminal && !process.env.NO_COLOR;
  return {
    ...createOutput({ write, terminal, colour, clock }),
    flush: (limitMs) => lines.flush(limitMs),
  };
}

export function createOutput({ write, terminal, colour, clock }: OutputOptions): Output {
  const show = terminal
    ? (name: string, record: Record<string, unknown>) => write(`${readable(name, record, colour)}\n`)
    : (_name: string, record: Record<string, unknown>) => write(logLine(record));
  return {
    replicaLine(replica, line) {
      const record = parseRecord(line);
      if (record) show(replica, { ...record, replica });
      else if (terminal) {
        write(`${paint(nameOf(replica), colourOf(replica), colour)} ${printableLine(line)}\n`);
      } else show(replica, { time: timeOf(clock), level: 'info', msg: line, replica });
    },
    say(message, level = 'info') {
      if (terminal) {
        const text = printableText(message);
        write(`${level === 'info' ? text : paint(text, levelColour(level), colour)}\n`);
      } else show('', { time: timeOf(clock), level, msg: message });
    },
    hint(text) {
      if (terminal) write(`${text}\n`);
    },
  };
}

function timeOf(clock: Pick<Clock, 'now'>): string {
  return new Date(clock.now()).toISOString();
}

/** A log line as an object, null for any other text. */
function parseRecord(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** `12:03:04.567 replica-1  WARN   message key=value` */
function readable(name: string, record: Record<string, unknown>, colour: boolean): string {
  const { time, level, msg, replica: _shownAsName, ...fields } = record;
  const clock = /T([\d:.]+)/.exec(text(time))?.[1] ?? text(time);
  const rest = Object.entries(fields).map(([key, value]) =>
    `${paint(`${printableLine(key)}=`, DIM, colour)}${printableLine(shown(value))}`
  );
  return [
    paint(printableLine(clock), DIM, colour),
    paint(nameOf(name), colourOf(name), colour),
    paint(printableLine(text(level ?? 'info').toUpperCase()).padEnd(5), levelColour(level), colour),
    printableLine(text(msg)),
    ...rest,
  ].join(' ');
}

/** A string unchanged, undefined as empty, any other value as JSON. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value) ?? '';
}

/** Single words unchanged, any other value as JSON. */
function shown(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function levelColour(level: unknown): string {
  return typeof level === 'string' && Object.hasOwn(LEVEL_COLOURS, level) ? LEVEL_COLOURS[level]! : '';
}

const DIM = '2';
const LEVEL_COLOURS: Record<string, string> = { debug: DIM, warn: '33', error: '31' };
const NAME_COLOURS = ['36', '35', '34'];

function colourOf(name: string): string {
  return NAME_COLOURS[(Number(/\d+$/.exec(name)?.[0] ?? 1) - 1) % NAME_COLOURS.length] ?? '';
}

const nameOf = (name: string) => name.padEnd('replica-1'.length);

function paint(text: string, code: string, colour: boolean): string {
  return colour && code ? `\x1b[${code}m${text}\x1b[0m` : text;
}
