import type { Clock } from '../../../actors/shared/environment.ts';

/** An attempt has this long before the next begins beside it (RFC 8305). */
const NEXT_AFTER_MS = 250;

/** Opens a connection; `stop` ends the attempt, or the connection that it led to. */
export interface Attempt<C> {
  connected: Promise<C>;
  stop(): void;
}

/**
 * The first connection to any of the addresses. An address gets its turn when an attempt fails, or when none has
 * succeeded for 250 ms; attempts that lose are stopped. Rejects with the first address's error when all fail, and
 * with the signal's reason when it is aborted.
 */
export function firstToConnect<C>(
  addresses: readonly string[],
  open: (address: string) => Attempt<C>,
  clock: Clock,
  signal: AbortSignal,
): Promise<C> {
  return new Promise((resolve, reject) => {
    const attempts: Attempt<C>[] = [];
    let failures = 0;
    let firstError: unknown;
    let timer: unknown;
    let ended = false;

    function next(): void {
      clock.clearTimeout(timer);
      const address = addresses[attempts.length];
      if (address === undefined) return;
      const attempt = open(address);
      attempts.push(attempt);
      attempt.connected.then(
        (connection) => won(attempt, connection),
        (error: unknown) => failed(attempt, error),
      );
      if (ended) attempt.stop();
      else timer = clock.setTimeout(next, NEXT_AFTER_MS);
    }
    function won(attempt: Attempt<C>, connection: C): void {
      if (ended) return;
      end(attempt);
      resolve(connection);
    }
    function failed(attempt: Attempt<C>, error: unknown): void {
      if (ended) return;
      if (attempt === attempts[0]) firstError = error;
      if (++failures < addresses.length) return next();
      end();
      reject(firstError);
    }
    function aborted(): void {
      end();
      reject(signal.reason);
    }
    function end(winner?: Attempt<C>): void {
      ended = true;
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      for (const attempt of attempts) if (attempt !== winner) attempt.stop();
    }

    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    next();
  });
}
