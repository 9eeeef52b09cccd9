/** A term that began without its replica learning of it does not begin again when the lease document is made anew. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recoveredLease } from '../../../src/domain/leadership/leaseRecovery.ts';
import { StoreView } from '../../../src/storeView.ts';
import { heldLease, NO_MARK } from '../../support/leases.ts';

const NOW_MS = Date.UTC(2030, 0, 1);
const NO_RECORDS = { newestTerm: 6, newestRun: null, latestRun: null };
const termOf = (view: StoreView) => recoveredLease(view.leaseToRestore(NO_MARK), NO_RECORDS, NOW_MS).term;

describe('a lease document that a replica makes anew', () => {
  it('follows the term that the replica has read', () => {
    const view = new StoreView();
    view.answered(heldLease('r1', 6, NOW_MS), 0);
    assert.equal(termOf(view), 6);
  });

  it('follows the term that the replica asked for without an answer', () => {
    const view = new StoreView();
    view.answered(heldLease('r1', 6, NOW_MS), 0);
    view.askedInVain();
    assert.equal(termOf(view), 7);
    assert.equal(view.leaseToRestore(NO_MARK)?.holder, null, 'whose it is is not known');
    view.answered(heldLease('r1', 8, NOW_MS), 0);
    assert.equal(termOf(view), 8);
  });
});
