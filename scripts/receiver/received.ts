/** A request that reached the receiver: whose it is, and the line about it. */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { webhookHeaders } from '../../src/infra/actions/signature.ts';
import { printableLine } from '../../src/infra/log/printable.ts';

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Uint8Array;
  /** When it was received. */
  at: Date;
}

type Verdict = 'valid' | 'invalid' | 'outdated' | 'absent' | 'not checked';

/** How far a request's time may be from the receiver's: what is older may be a recording. */
const TOLERANCE_S = 5 * 60;

const MAX_PATH = 100;
const MAX_BODY = 200;

/** What its signature is worth. It is valid when any of its signatures is by any of the keys. */
export function verdictOn({ headers, body, at }: Received, keys: readonly Uint8Array[]): Verdict {
  const [id = '', timestamp = '', signature] = ['id', 'timestamp', 'signature'].map((part) =>
    headers[`webhook-${part}`]?.toString()
  );
  if (signature === undefined) return 'absent';
  if (keys.length === 0) return 'not checked';
  const timestampS = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : NaN;
  const expected = webhookHeaders({ id, timestampS, body, keys })['webhook-signature']!.split(' ');
  const isValid = signature.split(' ').some((one) => expected.some((other) => isEqual(one, other)));
  if (!isValid) return 'invalid';
  return Math.abs(at.getTime() / 1000 - timestampS) <= TOLERANCE_S ? 'valid' : 'outdated';
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** One line, in which nothing moves the cursor of a terminal. */
export function lineAbout(received: Received, verdict: Verdict, answer: string): string {
  const { method, path, headers, body, at } = received;
  const text = new TextDecoder().decode(body.subarray(0, 4 * MAX_BODY));
  const parts = [
    at.toISOString().slice(11, 23),
    `${method} ${shortened(path, MAX_PATH)} → ${answer}`,
    `webhook-id ${headers['webhook-id'] ?? 'absent'}`,
    `attempt ${headers['x-hascheduler-attempt'] ?? 'absent'}`,
    `signature ${verdict}`,
    body.length === 0 ? 'no body' : shortened(text, MAX_BODY),
  ];
  return printableLine(parts.join('  '));
}

function shortened(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length > most ? `${characters.slice(0, most).join('')}…` : text;
}
