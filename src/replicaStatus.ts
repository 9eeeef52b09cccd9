import { LeaseMissing, StoreRefused } from './actors/shared/storeErrors.ts';

/** For the API and for probes. */
export interface ReplicaStatus {
  state: string;
  live: boolean;
  ready: boolean;
  reasons: string[];
}

/** A leader whose queue is overdue for this long, ms, has stalled: livez reports it. */
const STALLED_MS = 10_000;
/** A store that refuses, or lacks its lease document, answers but is unusable. */
export function statusOf({ state, overdueMs, answersInTime, trouble }: {
  state: string;
  overdueMs: number;
  answersInTime: boolean;
  trouble: unknown;
}): ReplicaStatus {
  const live = overdueMs < STALLED_MS;
  const cause = trouble instanceof Error ? trouble.message : null;
  const isOfNoUse = trouble instanceof StoreRefused || trouble instanceof LeaseMissing;
  const isConnecting = state === 'connecting';
  const usesStore = answersInTime && !isOfNoUse;
  const reasons = [
    ...(live ? [] : [`this replica leads, and has been overdue for ${Math.round(overdueMs)} ms`]),
    ...(state === 'standingBy'
      ? []
      : [`this replica is ${state}${isConnecting && cause !== null ? `: ${cause}` : ''}`]),
    ...(usesStore || isConnecting ? [] : [isOfNoUse ? String(cause) : 'the store does not answer']),
  ];
  return { state, live, ready: state === 'standingBy' && usesStore, reasons };
}
