import type { Clock, Logger } from '../actors/ports.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where lines go: standard output, unless a test wants them. */
export type WriteLine = (line: string) => void;

/**
 * One JSON object per line: `time` (RFC 3339, this machine's clock), `level`, `msg`, `replica`, then the
 * fields of the message. Errors are written as their message, and their cause's.
 */
export function jsonLogger(
  options: { level: LogLevel; replica: string; clock: Clock; write: WriteLine },
): Logger {
  const { level: lowest, replica, clock, write } = options;
  const at = (level: LogLevel) => (msg: string, fields?: Record<string, unknown>): void => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(lowest)) return;
    const line = { time: new Date(clock.now()).toISOString(), level, msg, replica, ...fields };
    write(`${JSON.stringify(line, readable)}\n`);
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function readable(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { message, cause } = value;
  return cause instanceof Error && !message.includes(cause.message)
    ? `${message} (${cause.message})`
    : message;
}
