/**
 * The metrics of one process, in a registry of its own, in Prometheus' text format. No label has
 * user-chosen values: the number of time series is bounded (G9).
 */
import { Registry } from 'prom-client';
import type { Capacity } from '../../domain/schedules/capacity.ts';
import type { ReplicaObserver } from '../../actors/observer.ts';
import type { Losses } from '../log/boundedLines.ts';
import { httpMetrics } from './http.ts';
import { logMetrics } from './log.ts';
import { loopMetrics } from './loop.ts';
import { buildInfo, processMetrics } from './process.ts';
import { replicaMetrics, type Vitals } from './replica.ts';
import { storeMetrics } from './store.ts';

export interface Metrics {
  replica: ReplicaObserver;
  store: ReturnType<typeof storeMetrics>;
  /** Observes each answered request. */
  answered: ReturnType<typeof httpMetrics>;
  /** Observes event loop delays. */
  loop: ReturnType<typeof loopMetrics>;
  contentType: string;
  text(): Promise<string>;
}

/** Reads `vitals` and `losses` at each scrape. */
export function openMetrics(
  version: string,
  vitals: () => Vitals,
  losses: () => Losses,
  limits: Capacity,
): Metrics {
  const registry = new Registry();
  buildInfo(registry, version);
  processMetrics(registry);
  logMetrics(registry, losses);
  return {
    replica: replicaMetrics(registry, vitals, limits),
    store: storeMetrics(registry),
    answered: httpMetrics(registry),
    loop: loopMetrics(registry),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
