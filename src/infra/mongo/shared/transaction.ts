/**
 * Transactions by hand. The driver's `withTransaction` retries for up to two minutes, far longer
 * than a lease.
 *
 * If this process stops before the commit is sent, nothing was written; the server aborts the open
 * transaction when the successor kills the session (or by itself, 60 s later). During the commit,
 * all of it is applied or none; no caller is left to learn which. After the commit, all is written,
 * and every reader finds it.
 */
import type { ClientSession } from 'mongodb';
import type { Clock, Random } from '../../../actors/shared/environment.ts';
import { wait } from '../../../actors/shared/wait.ts';
import { asStoreError, DUPLICATE_KEY, hasCode, hasLabel, unavailable } from './errors.ts';

const OPTIONS = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority' },
  maxCommitTimeMS: 2000,
} as const;

const LONGEST_PAUSE_MS = 50;

export interface TransactionOptions {
  op: string;
  session: ClientSession;
  /** Retry limit. */
  withinMs: number;
  clock: Clock;
  random: Random;
}

/** Outcome of a completed body. */
export type Step<T> = { commit: boolean; value: T };

/** Thrown by a body that must restart with what it has learned. */
export class Restart extends Error {
  override name = 'Restart';
}

/**
 * Runs `body`, and commits if it says so. Retries both whenever the server or the body asks for it,
 * and after a duplicate key, with a fresh snapshot each time. `attempt` counts from 0. Rejects with
 * `StoreUnavailable` when time is up.
 */
export async function inTransaction<T>(
  options: TransactionOptions,
  body: (attempt: number) => Promise<Step<T>>,
): Promise<T> {
  const { op, session, withinMs, clock } = options;
  const deadlineMs = clock.monotonic() + withinMs;
  for (let attempt = 0;; attempt++) {
    try {
      session.startTransaction(OPTIONS);
      const { commit, value } = await body(attempt);
      if (commit) await commitBy(deadlineMs, options);
      return value;
    } catch (error) {
      const again = error instanceof Restart || hasLabel(error, 'TransientTransactionError') ||
        hasCode(error, DUPLICATE_KEY);
      if (!again) throw error;
      if (clock.monotonic() >= deadlineMs) throw unavailable(op, error);
    } finally {
      // Fails only if the server has ended it, or can't be reached and ends it itself.
      if (session.inTransaction()) await session.abortTransaction().catch(() => {});
    }
    await pause(options, attempt);
  }
}

/**
 * Resends a commit whose answer was lost: the server commits one transaction once, and then only
 * answers.
 */
async function commitBy(deadlineMs: number, options: TransactionOptions): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return await options.session.commitTransaction();
    } catch (error) {
      if (!hasLabel(error, 'UnknownTransactionCommitResult')) throw error;
      if (options.clock.monotonic() >= deadlineMs) throw asStoreError(options.op, error);
    }
    await pause(options, attempt);
  }
}

function pause({ clock, random }: TransactionOptions, attempt: number): Promise<void> {
  return wait(clock, random.next() * Math.min(LONGEST_PAUSE_MS, 2 ** attempt));
}
