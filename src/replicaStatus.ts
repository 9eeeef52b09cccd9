import { LeaseMissing, StoreRefused } from './actors/shared/storeErrors.ts';

/** For the API and for probes. */
export interface ReplicaStatus {
  state: string;
  live: boolean;
  ready: boolean;
  reasons: string[];
}

/** A leader whose queue has been overdue for this long does not do its work: livez says so. */
const STALLED_MS = 10_000;
/** A store that refuses, or whose lease is gone, answers, and is of no use. */
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
