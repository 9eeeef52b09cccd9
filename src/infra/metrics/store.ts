import { Counter, Histogram, type Registry } from 'prom-client';
import type { StoreObserver } from '../shared/observedStore.ts';
import { storeErrorKind } from '../shared/storeTrouble.ts';

const COLLECTIONS = ['leases', 'runs', 'backfills', 'replicas', 'leadership'];

export function storeMetrics(
  registry: Registry,
): StoreObserver & { notUnderstood(collection: string): void } {
  const registers = [registry];
  const errors = new Counter({
    name: 'scheduler_store_errors_total',
    help: 'Store calls that failed: the store was unavailable or refused them, or the error was unexpected.',
    labelNames: ['operation', 'kind'],
    registers,
  });
  const renewals = new Histogram({
    name: 'scheduler_lease_renew_duration_seconds',
    help: 'How long renewals of the lease took, also those that failed.',
    buckets: [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5],
    registers,
  });
  const notUnderstood = new Counter({
    name: 'scheduler_not_understood_total',
    help: 'Stored documents that this version does not understand, and ignores.',
    labelNames: ['collection'],
    registers,
  });
  for (const collection of COLLECTIONS) notUnderstood.inc({ collection }, 0);
  return {
    notUnderstood: (collection) => notUnderstood.inc({ collection }),
    called(operation, tookMs) {
      if (operation === 'lease.renew') renewals.observe(tookMs / 1000);
    },
    failed: (operation, error) => errors.inc({ operation, kind: storeErrorKind(error) }),
  };
}
