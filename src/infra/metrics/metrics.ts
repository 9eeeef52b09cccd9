/**
 * What one process measures, in a registry of its own, in Prometheus' text format. No label has a value that
 * users choose: the number of time series is bounded (G9).
 */
import { Registry } from 'prom-client';
import type { ReplicaObserver } from '../../actors/observer.ts';
import { httpMetrics } from './http.ts';
import { buildInfo, processMetrics } from './process.ts';
import { replicaMetrics, type Vitals } from './replica.ts';
import { storeMetrics } from './store.ts';

export interface Metrics {
  replica: ReplicaObserver;
  store: ReturnType<typeof storeMetrics>;
  /** Told of each request that was answered. */
  answered: ReturnType<typeof httpMetrics>;
  contentType: string;
  text(): Promise<string>;
}

/** `vitals` is asked whenever somebody reads the metrics. */
export function openMetrics(version: string, vitals: () => Vitals): Metrics {
  const registry = new Registry();
  buildInfo(registry, version);
  processMetrics(registry);
  return {
    replica: replicaMetrics(registry, vitals),
    store: storeMetrics(registry),
    answered: httpMetrics(registry),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
