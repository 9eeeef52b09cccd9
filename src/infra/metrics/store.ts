import { Counter, Histogram, type Registry } from 'prom-client';
import type { StoreObserver } from '../shared/observedStore.ts';
import { storeErrorKind } from '../shared/storeTrouble.ts';

const COLLECTIONS = ['leases', 'runs', 'replicas', 'leadership'];

export function storeMetrics(
  registry: Registry,
): StoreObserver & { notUnderstood(collection: string): void } {
  const registers = [registry];
  const errors = new Counter({
    name: 'scheduler_store_errors_total',
    help:
      'Calls of the store that failed: it was unavailable, refused them, or something unexpected happened.',
    labelNames: ['operation', 'kind'],
    registers,
  });
  const renewals = new Histogram({
    name: 'scheduler_lease_renew_duration_seconds',
    help: 'How long renewals of the lease took, also those that failed.',
    buckets: [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5],
    registers,
  });
  const strange = new Counter({
    name: 'scheduler_not_understood_total',
    help: 'Documents of the database that this version does not understand, and leaves alone.',
    labelNames: ['collection'],
    registers,
  });
  for (const collection of COLLECTIONS) strange.inc({ collection }, 0);
  return {
    notUnderstood: (collection) => strange.inc({ collection }),
    called(operation, tookMs) {
      if (operation === 'lease.renew') renewals.observe(tookMs / 1000);
    },
    failed: (operation, error) => errors.inc({ operation, kind: storeErrorKind(error) }),
  };
}
