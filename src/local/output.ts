/**
 * What the local cluster prints: for people on a terminal, as JSON lines (time, level, msg, replica, …)
 * anywhere else.
 */
export interface Output {
  /** A line that a replica printed, without its newline. */
  replicaLine(replica: string, line: string): void;
  /** A word of the cluster's own. */
  say(message: string, level?: Level): void;
  /** What only people want to read: how to go on. */
  hint(text: string): void;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

export interface OutputOptions {
  write: (text: string) => void;
  /** Whether people read it. */
  terminal: boolean;
  colour: boolean;
  /** Epoch milliseconds, for lines that have no time of their own. */
  now: () => number;
}

/** The one on this process's stdout; NO_COLOR turns colours off. */
export function standardOutput(): Output {
  const terminal = process.stdout.isTTY === true;
  return createOutput({
    write: (text) => process.stdout.write(text),
    terminal,
    colour: terminal && !process.env.NO_COLOR,
    now: () => Date.now(),
  });
}

export function createOutput({ write, terminal, colour, now }: OutputOptions): Output {
  const show = terminal
    ? (name: string, record: Record<string, unknown>) => write(`${readable(name, record, colour)}\n`)
    : (_name: string, record: Record<string, unknown>) => write(`${JSON.stringify(record)}\n`);
  const stamp = () => new Date(now()).toISOString();
  return {
    replicaLine(replica, line) {
      const record = parseRecord(line);
      if (record) show(replica, { ...record, replica });
      else if (terminal) write(`${paint(nameOf(replica), colourOf(replica), colour)} ${line}\n`);
      else show(replica, { time: stamp(), level: 'info', msg: line, replica });
    },
    say(message, level = 'info') {
      if (terminal) {
        write(`${level === 'info' ? message : paint(message, LEVEL_COLOURS[level] ?? '', colour)}\n`);
      } else show('', { time: stamp(), level, msg: message });
    },
    hint(text) {
      if (terminal) write(`${text}\n`);
    },
  };
}

/** A log line as an object, null when it is anything else. */
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
  const clock = /T([\d:.]+)/.exec(String(time))?.[1] ?? String(time ?? '');
  const rest = Object.entries(fields).map(([key, value]) =>
    `${paint(`${key}=`, DIM, colour)}${shown(value)}`
  );
  return [
    paint(clock, DIM, colour),
    paint(nameOf(name), colourOf(name), colour),
    paint(String(level ?? 'info').toUpperCase().padEnd(5), LEVEL_COLOURS[String(level)] ?? '', colour),
    String(msg ?? ''),
    ...rest,
  ].join(' ');
}

/** Words as they are, everything else as JSON. */
function shown(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
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
