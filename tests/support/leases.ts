import { type Lease, NEVER_HELD } from '../../src/domain/leadership/lease.ts';
import type { Watermark } from '../../src/domain/leadership/watermark.ts';

/** Nothing is settled. */
export const NO_MARK: Watermark = { claimedThroughMs: 0, mirroredThroughMs: 0 };

/** The lease before the first term, with these changes. */
export function leaseWith(changes: Partial<Lease>): Lease {
  return { ...NEVER_HELD, watermark: NO_MARK, ...changes };
}

/** The lease after `holder` has acquired it for 3 s. */
export function heldLease(
  holder: string,
  term: number,
  acquiredMs: number,
  changes: Partial<Lease> = {},
): Lease {
  return leaseWith({
    ...{ holder, boot: `boot-${holder}`, term, address: `http://${holder}` },
    acquired_at: new Date(acquiredMs),
    began_by: 'acquired',
    renewed_at: new Date(acquiredMs),
    expires_at: new Date(acquiredMs + 3000),
    ...changes,
  });
}
