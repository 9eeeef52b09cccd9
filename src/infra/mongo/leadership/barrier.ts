import type { Collections } from '../shared/documents.ts';
import { LEASE_ID } from '../shared/documents.ts';

/** Longer than a claim takes, and shorter than the socket timeout. */
const WITHIN_MS = 2500;

/**
 * Resolves when no claim can commit any more that has not seen what was written before the call
 * (G4): one write to the lease document, with which every claim's transaction begins. A claim under
 * way makes this write wait until it commits or aborts. A later claim has a later snapshot than
 * this write, or gets a write conflict and retries.
 */
export function claimBarrier({ leases }: Collections): () => Promise<void> {
  return coalesced(async () => {
    await leases.updateOne({ _id: LEASE_ID }, { $inc: { barrier: 1 } }, { maxTimeMS: WITHIN_MS });
  });
}

/**
 * At most one call runs and one waits. Callers that arrive meanwhile share the waiting one, since
 * it starts after they arrived.
 */
export function coalesced(run: () => Promise<void>): () => Promise<void> {
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
