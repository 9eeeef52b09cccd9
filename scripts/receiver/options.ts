/** The options of the receiver: what it checks, and how it misbehaves. */
import { parseArgs } from 'node:util';
import { parseDuration } from '../../src/domain/timing/duration.ts';
import { signingKey } from '../../src/infra/actions/signature.ts';

export interface ReceiverOptions {
  /** 0 for any that is free. */
  port: number;
  /** Those that a signature may be by; without any, signatures are not checked. */
  keys: Uint8Array[];
  /** Share of the requests that are answered with `badStatus`. */
  badShare: number;
  badStatus: number;
  /** The wait before each answer. */
  slowMs: number;
  /** Seconds, sent with each answer that is no success; null for none. */
  retryAfterS: number | null;
}

export const USAGE =
  `npm run receiver -- [options]: prints the webhooks that reach http://127.0.0.1:9090/, any path

  --port 9091           another port (or PORT=9091)
  --secret whsec_…      checks signatures by this secret; may be repeated
  --fail 0.3            answers this share of the requests with 500
  --status 503          answers with this status: each request, or those that --fail chooses
  --slow 2s             waits before each answer
  --retry-after 5       asks those that fail to wait that many seconds
  --help                shows this`;

/** The options, or all that is wrong with them, a sentence each. */
export function readOptions(
  args: string[],
  env: Record<string, string | undefined>,
): { options: ReceiverOptions } | { problems: string[] } | 'help' {
  const problems: string[] = [];
  const written = valuesOf(args, problems);
  if (written === null) return { problems };
  if (written.help) return 'help';
  const checked = <T>(name: string, text: string, parse: (text: string) => T): T | undefined => {
    try {
      return parse(text);
    } catch (error) {
      problems.push(`${name} ${text}: ${(error as Error).message}`);
      return undefined;
    }
  };
  const status = written.status ?? (written.fail === undefined ? '200' : '500');
  const options = {
    port: checked('--port', written.port ?? (env.PORT || '9090'), numberFrom(0, 65_535)),
    keys: (written.secret ?? []).map((secret, index) => keyOf(secret, `#${index + 1} (--secret)`, problems)),
    badShare: checked('--fail', written.fail ?? '1', shareFrom),
    badStatus: checked('--status', status, numberFrom(200, 599)),
    slowMs: checked('--slow', written.slow ?? '0s', positive),
    retryAfterS: written['retry-after'] === undefined
      ? null
      : checked('--retry-after', written['retry-after'], numberFrom(0, 86_400)),
  };
  return problems.length > 0 ? { problems } : { options: options as ReceiverOptions };
}

function valuesOf(args: string[], problems: string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args,
      options: {
        ...{ port: text, fail: text, status: text, slow: text, 'retry-after': text },
        secret: { type: 'string', multiple: true },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    problems.push((error as Error).message);
    return null;
  }
}

/** Not by `checked`, which shows what was written. */
function keyOf(secret: string, name: string, problems: string[]): Uint8Array | undefined {
  try {
    return signingKey(name, secret);
  } catch (error) {
    problems.push((error as Error).message);
    return undefined;
  }
}

function numberFrom(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
    if (number >= min && number <= max) return number;
    throw new Error(`it is not a whole number from ${min} to ${max}`);
  };
}

function shareFrom(text: string): number {
  const share = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  if (share >= 0 && share <= 1) return share;
  throw new Error('it is not a number from 0 to 1, such as 0.3');
}

function positive(text: string): number {
  const ms = parseDuration(text);
  if (ms >= 0) return ms;
  throw new Error('it is negative');
}
