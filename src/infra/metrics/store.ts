import { Counter, Histogram, type Registry } from 'prom-client';
import type { StoreObserver } from '../observedStore.ts';
import { storeErrorKind } from '../storeTrouble.ts';

export function storeMetrics(registry: Registry): StoreObserver {
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
  return {
    called(operation, tookMs) {
      if (operation === 'lease.renew') renewals.observe(tookMs / 1000);
    },
    failed: (operation, error) => errors.inc({ operation, kind: storeErrorKind(error) }),
  };
}
