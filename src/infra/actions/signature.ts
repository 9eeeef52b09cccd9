/**
 * The headers by which a receiver knows a request: a signature (Standard Webhooks 1.0.0, symmetric) and, on
 * request, the attributes of a CloudEvent (1.0.2, HTTP binding, binary mode).
 */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

/**
 * The key in the secret of that name: base64, with the prefix `whsec_` or without. Throws a sentence, in
 * which the secret is not shown, when it holds none.
 */
export function signingKey(name: string, secret: string): Uint8Array {
  const written = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const key = Buffer.from(written, 'base64');
  const problem = problemOf(written, key);
  if (problem !== null) throw new Error(`The secret ${name} can't sign: ${problem}.`);
  return key;
}

function problemOf(written: string, key: Buffer): string | null {
  if (/^v\d+a?,/.test(written)) {
    return `it begins with the version of a signature, as in "v1,"; write ${PREFIX} and the key in base64`;
  }
  if (/^wh[sp]k_/.test(written)) {
    return `it is an asymmetric key; write ${PREFIX} and a symmetric one in base64`;
  }
  // Node skips what is not base64: the key, written again, would be another text.
  if (key.toString('base64') !== written) {
    return `it is not base64 (A-Z a-z 0-9 + /, and = up to a multiple of 4 characters), with ${PREFIX} before it or without`;
  }
  return key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES
    ? null
    : `its key has ${key.length} bytes; ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} are needed`;
}

interface Signed {
  /** The same for each attempt: a receiver tells a repetition by it. */
  id: string;
  /** Of the attempt. */
  timestampS: number;
  /** As it is sent; '' for a request without one. */
  body: string | Uint8Array;
  /** The newest first. Without any, the request is not signed, but still has its id and its time. */
  keys: readonly Uint8Array[];
}

/**
 * The headers of Standard Webhooks. The standard would have no full stop in the id, since one separates it
 * from what follows in the signed text. Ids of runs have some. Only the id of a schedule could shift that
 * border, and a client that may choose the id may have any text signed in the first place.
 */
export function webhookHeaders({ id, timestampS, body, keys }: Signed): Record<string, string> {
  const second = String(Math.floor(timestampS));
  const signatures = keys.map((key) => {
    const signature = createHmac('sha256', key).update(`${id}.${second}.`).update(body).digest('base64');
    return `v1,${signature}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': second,
    ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
  };
}

interface Delivered {
  runId: string;
  scheduleId: string;
  scheduledFor: Date;
  /** A URI reference for the cluster, the same on all replicas: with the run's id it is unique. */
  source: string;
}

/** The attributes of a CloudEvent. An id needs no percent-encoding: it has no character that would. */
export function cloudEventHeaders(
  { runId, scheduleId, scheduledFor, source }: Delivered,
): Record<string, string> {
  return {
    'ce-specversion': '1.0',
    'ce-type': 'hascheduler.run',
    'ce-source': source,
    'ce-id': runId,
    'ce-subject': scheduleId,
    'ce-time': scheduledFor.toISOString(),
  };
}
