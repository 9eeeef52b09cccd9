import { request } from 'node:http';
import { request as requestSecurely } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../actors/shared/environment.ts';
import { isBoot } from '../../domain/membership/replica.ts';

/** The endpoint does no work: a slower answer counts as none. */
const LIMIT_MS = 1_000;

/** Errors that report that no process listens, or no host is there. A timeout is not among them. */
const UNREACHABLE = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);

/** What answers at an address. */
export type ProbeResult =
  /** A process of the product, at its address since `sinceMs` or earlier (local monotonic clock). */
  | { kind: 'process'; boot: string; sinceMs: number }
  /** Another program, or a version of the product that does not identify itself. */
  | { kind: 'other'; status: number }
  /** The network reports that no process listens. */
  | { kind: 'unreachable'; why: string }
  /** No answer, for another or an unknown reason. */
  | { kind: 'silent'; why: string };

/** Probes an address on a connection of its own. Takes no slot among the connected peers. */
export function probe(address: string, clock: Clock): Promise<ProbeResult> {
  const open = address.startsWith('https:') ? requestSecurely : request;
  const sentMs = clock.monotonic();
  return new Promise((resolve) => {
    const sent = open(`${address}/liveness`, { method: 'HEAD', agent: false }, (response) => {
      response.resume();
      done(resultOf(response.headers, response.statusCode ?? 0, sentMs));
    });
    const timer = clock.setTimeout(() => {
      done({ kind: 'silent', why: `no answer within ${LIMIT_MS} ms` });
      sent.destroy();
    }, LIMIT_MS);
    function done(result: ProbeResult): void {
      clock.clearTimeout(timer);
      resolve(result);
    }
    sent.on(
      'error',
      (error: NodeJS.ErrnoException) =>
        done({ kind: isUnreachable(error) ? 'unreachable' : 'silent', why: reasonOf(error) }),
    );
    sent.end();
  });
}

function resultOf(headers: IncomingHttpHeaders, status: number, sentMs: number): ProbeResult {
  const boot = headers['hascheduler-boot'];
  const upMs = Number(headers['hascheduler-up-ms'] ?? NaN);
  if (typeof boot !== 'string' || !isBoot(boot) || !(upMs >= 0)) return { kind: 'other', status };
  return { kind: 'process', boot, sinceMs: sentMs - upMs };
}

/**
 * Whether the network reports that no process is there. A name may have several addresses; then all
 * must report it, since the process may live behind one that timed out.
 */
export function isUnreachable(error: Error): boolean {
  const errors: NodeJS.ErrnoException[] = error instanceof AggregateError ? error.errors : [error];
  return errors.length > 0 && errors.every(({ code }) => code !== undefined && UNREACHABLE.has(code));
}

/** Stable while the same failure repeats. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}
