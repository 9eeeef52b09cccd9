import { request } from 'node:http';
import { request as requestSecurely } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../actors/shared/environment.ts';
import { isBoot } from '../../domain/membership/replica.ts';

/** How long an answer may take that costs nothing to give. */
const LIMIT_MS = 1_000;

/** Answers of a network that knows: nobody listens there, or nobody is there. A timeout is not among them. */
const NOBODY_THERE = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);

/** What is at an address. */
export type Answer =
  /** A process of the product, which has had its address since `sinceMs` or longer (this clock, monotonic). */
  | { kind: 'process'; boot: string; sinceMs: number }
  /** Another program, or a version of the product that does not say who it is. */
  | { kind: 'other'; status: number }
  /** The network knows that nobody listens. */
  | { kind: 'nobody'; why: string }
  /** No answer, for another reason or for none that is known. */
  | { kind: 'silent'; why: string };

/** Asks who is at an address, on a connection of its own. Takes no place among the peers that stay connected. */
export function whoIsAt(address: string, clock: Clock): Promise<Answer> {
  const open = address.startsWith('https:') ? requestSecurely : request;
  const askedMs = clock.monotonic();
  return new Promise((resolve) => {
    const asking = open(`${address}/liveness`, { method: 'HEAD', agent: false }, (response) => {
      response.resume();
      done(answerOf(response.headers, response.statusCode ?? 0, askedMs));
    });
    const timer = clock.setTimeout(() => {
      done({ kind: 'silent', why: `no answer within ${LIMIT_MS} ms` });
      asking.destroy();
    }, LIMIT_MS);
    function done(answer: Answer): void {
      clock.clearTimeout(timer);
      resolve(answer);
    }
    asking.on(
      'error',
      (error: NodeJS.ErrnoException) =>
        done({ kind: isNobodyThere(error) ? 'nobody' : 'silent', why: reasonOf(error) }),
    );
    asking.end();
  });
}

function answerOf(headers: IncomingHttpHeaders, status: number, askedMs: number): Answer {
  const boot = headers['hascheduler-boot'];
  const upMs = Number(headers['hascheduler-up-ms'] ?? NaN);
  if (typeof boot !== 'string' || !isBoot(boot) || !(upMs >= 0)) return { kind: 'other', status };
  return { kind: 'process', boot, sinceMs: askedMs - upMs };
}

/**
 * Whether the network knows that nobody is there. A name may have several addresses; then they all have to
 * say so, since behind one that timed out the process may live.
 */
export function isNobodyThere(error: Error): boolean {
  const errors: NodeJS.ErrnoException[] = error instanceof AggregateError ? error.errors : [error];
  return errors.length > 0 && errors.every(({ code }) => code !== undefined && NOBODY_THERE.has(code));
}

/** What stays the same when the same thing goes wrong again. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}
