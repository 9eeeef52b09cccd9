import type { Collections } from '../shared/documents.ts';
import { LEASE_ID } from '../shared/documents.ts';

/** Longer than a claim takes, and shorter than the socket's timeout. */
const WITHIN_MS = 2500;

/**
 * Resolves when no claim can commit any more that has not seen what was written before the call (G4): one
 * write to the lease document, which every claim's transaction begins with. A claim that has begun makes this
 * write wait until it is committed or gone. One that begins later has a snapshot that is later than this write,
 * or gets a write conflict, and begins again.
 */
export function claimBarrier({ leases }: Collections): () => Promise<void> {
  return shared(async () => {
    await leases.updateOne({ _id: LEASE_ID }, { $inc: { barrier: 1 } }, { maxTimeMS: WITHIN_MS });
  });
}

/**
 * At most one call runs and one waits; who comes meanwhile shares the one that waits, since that starts after
 * they came.
 */
export function shared(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let waiting: Promise<void> | null = null;
  const start = (): Promise<void> => {
    const mine = run().finally(() => {
      if (running === mine) running = null;
    });
    running = mine;
    return mine;
  };
  return () => {
    if (!running) return start();
    const next = () => {
      waiting = null;
      return start();
    };
    return waiting ??= running.then(next, next);
  };
}
