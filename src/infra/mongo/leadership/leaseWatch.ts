import type { ChangeStream, ChangeStreamDocument, Document } from 'mongodb';
import type { LeaseHint, LeaseStore } from '../../../actors/leadership/leaseStore.ts';
import type { Clock } from '../../../actors/shared/environment.ts';
import { type Collections, type LeaseDoc, NOTIFICATIONS } from '../shared/documents.ts';
import { asStoreError } from '../shared/errors.ts';
import { AWAIT_MS, nextChange, openStream } from '../shared/streams.ts';

export type LeaseWatch = LeaseStore['watch'];
type Change = ChangeStreamDocument<LeaseDoc>;

const REOPEN_AFTER_MS = 200;

/**
 * The changes that the replica might act on. Claims and renewals, which can be hundreds a second,
 * and barriers must not even be sent; they touch neither the term nor the release.
 */
function changesFor(boot: string): Document[] {
  return [{
    $match: {
      $or: [
        { operationType: { $in: ['insert', 'replace'] } },
        { [updated('term')]: { $exists: true }, [updated('boot')]: { $ne: boot } },
        // An acquisition sets it as well. An heir that stays null is no change.
        {
          [updated('released_at')]: { $exists: true },
          [updated('term')]: { $exists: false },
          [updated('heir')]: { $in: [null, boot] },
        },
        { [updated('step_down_term')]: { $exists: true } },
        { 'documentKey._id': { $in: Object.keys(NOTIFICATIONS) } },
      ],
    },
  }];
}

function updated(field: keyof LeaseDoc): string {
  return `updateDescription.updatedFields.${field}`;
}

function hintOf(change: Change | null): LeaseHint {
  const fields = change?.operationType === 'update' ? change.updateDescription.updatedFields : undefined;
  if (fields?.term !== undefined) return 'taken';
  // The filter passes no other heir.
  return fields?.heir ? 'left' : 'changed';
}

/** `endWithStore` ends a watch when the store closes. */
export function leaseWatch(
  { leases }: Collections,
  clock: Clock,
  endWithStore: (end: () => void) => () => void,
): LeaseWatch {
  return (boot, onHint, onError) => {
    let ended = false;
    let stream: ChangeStream<LeaseDoc> | undefined;
    let timer: unknown;

    const follow = async () => {
      stream = leases.watch(changesFor(boot), { maxAwaitTimeMS: AWAIT_MS });
      const { first } = await openStream(stream);
      if (ended) return;
      // The stream does not deliver changes from before it was open.
      tell(null);
      // The receiver of the hint may end the watch.
      for (let change = await first; !ended; change = ended ? null : await nextChange(stream)) {
        if (change) tell(change);
      }
    };

    const tell = (change: Change | null) => {
      const id = change !== null && 'documentKey' in change ? String(change.documentKey._id) : null;
      const about = id === null ? null : NOTIFICATIONS[id] ?? null;
      if (about === null) onHint(hintOf(change));
      for (const hint of Object.values(NOTIFICATIONS)) if (change === null || about === hint) onHint(hint);
    };

    const run = () => {
      follow().catch((error: unknown) => {
        void stream?.close().catch(() => {});
        if (ended) return;
        onError(asStoreError('the watch on the lease', error));
        timer = clock.setTimeout(run, REOPEN_AFTER_MS);
      });
    };

    const end = () => {
      ended = true;
      forget();
      clock.clearTimeout(timer);
      void stream?.close().catch(() => {});
    };
    const forget = endWithStore(end);
    run();
    return end;
  };
}
