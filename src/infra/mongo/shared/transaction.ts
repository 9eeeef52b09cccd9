/**
 * Transactions by hand. The driver's `withTransaction` repeats for up to two minutes, far longer than a lease
 * lasts.
 *
 * What a stop of this process means, by where it happens. Before the commit is sent: nothing was written; the
 * server ends the open transaction when the successor kills the session (or by itself, 60 s later). While the
 * commit is under way: it is either done or not, and all of it; nobody here is left to ask. After the commit:
 * all is written, and found by whoever looks.
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
  /** How long it may be repeated. */
  withinMs: number;
  clock: Clock;
  random: Random;
}

/** How a transaction ends that could be carried through. */
export type Step<T> = { commit: boolean; value: T };

/** Thrown in a transaction that has to begin anew, knowing more. */
export class Again extends Error {
  override name = 'Again';
}

/**
 * Runs `body`, and commits what it did if it says so; both again as often as the server or the body asks for it,
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
      const again = error instanceof Again || hasLabel(error, 'TransientTransactionError') ||
        hasCode(error, DUPLICATE_KEY);
      if (!again) throw error;
      if (clock.monotonic() >= deadlineMs) throw unavailable(op, error);
    } finally {
      // Fails only if the server has ended it or can't be reached, and then ends it itself.
      if (session.inTransaction()) await session.abortTransaction().catch(() => {});
    }
    await pause(options, attempt);
  }
}

/**
 * A commit whose answer was lost is sent again: of one and the same transaction, the server does it once and
 * then only answers.
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
