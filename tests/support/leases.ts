import { type Lease, NEVER_HELD } from '../../src/domain/leadership/lease.ts';

/** A lease, for tests: as before anybody led, but for these. */
export function leaseWith(changes: Partial<Lease>): Lease {
  return { ...NEVER_HELD, watermark: { claimedThroughMs: 0, mirroredThroughMs: 0 }, ...changes };
}
