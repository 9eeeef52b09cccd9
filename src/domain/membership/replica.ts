import { formatDuration } from '../timing/duration.ts';
import type { LeaseTiming } from '../leadership/leaseTiming.ts';

/** What a replica does in the election, for display. */
export type Role = 'follower' | 'candidate' | 'leader' | 'resigning' | 'draining';

/** The published states of the election machine. */
export type ElectionState = Exclude<Role, 'draining'> | 'stopped';

/** One step of a replica's election machine from one state to another. */
export interface Transition {
  /** On the server's clock. */
  at: Date;
  from: ElectionState;
  to: ElectionState;
  /** Type of the machine's event that caused it; null without one. */
  by: string | null;
}

/** Transitions kept per replica (G9). */
export const MAX_TRANSITIONS = 20;

/** A replica's entry, which it rewrites every second. */
export interface Replica {
  id: string;
  /** UUID of this life of the process. */
  boot: string;
  role: Role;
  address: string;
  version: string;
  started_at: Date;
  /** On the server's clock. */
  last_seen: Date;
  /** Time of the last heartbeat, once the leader has noticed that later ones are missing. */
  lost_at: Date | null;
  /** The newest `MAX_TRANSITIONS`, oldest first. */
  transitions: Transition[];
  /** Its LEASE_* settings; null if its version omits them. */
  lease_timing: LeaseSettings | null;
  /** Its present problems, as sentences for people. */
  warnings: string[];
  /** Its places for runs, as of the last heartbeat; null if its version omits them. */
  places: PlacesInUse | null;
}

export interface PlacesInUse {
  used: number;
  max: number;
}

export interface LeaseSettings {
  duration_ms: number;
  retry_ms: number;
  margin_ms: number;
}

/** What a replica announces about itself. */
export type Announcement = Omit<Replica, 'last_seen' | 'lost_at'> & {
  /** Transitions made in this boot: separates new ones from those published before. */
  transition_count: number;
};

/** Why the entry of a replica changed, other than by a heartbeat. */
export type PresenceChange = 'announced' | 'role' | 'warnings' | 'lost' | 'found' | 'left';

/** A replica's stored entry, with its last change and the number of transitions that came with it. */
export type Presence = Replica & { transition_count: number; change: PresenceChange; news: number };

/** What an announcement changes besides `last_seen`; null for a plain heartbeat. */
export function changeBy(
  { change, lost_at, role, transition_count, warnings }: Presence,
  announced: Announcement,
): Pick<Presence, 'change' | 'news'> | null {
  const news = Math.min(announced.transition_count - transition_count, announced.transitions.length);
  if (change === 'left') return { change: 'announced', news };
  if (lost_at !== null) return { change: 'found', news };
  if (news > 0 || role !== announced.role) return { change: 'role', news };
  const isSame = warnings.length === announced.warnings.length &&
    warnings.every((warning, index) => warning === announced.warnings[index]);
  return isSame ? null : { change: 'warnings', news };
}

/** Reads fields that another version may not write yet, or may write differently. */
export function optionalSettings(entry: object): Pick<Replica, 'lease_timing' | 'warnings' | 'places'> {
  const { lease_timing, warnings, places } = entry as Record<string, unknown>;
  return {
    lease_timing: isLeaseSettings(lease_timing) ? lease_timing : null,
    warnings: Array.isArray(warnings) ? warnings.filter((warning) => typeof warning === 'string') : [],
    places: isPlacesInUse(places) ? places : null,
  };
}

function isPlacesInUse(value: unknown): value is PlacesInUse {
  const { used, max } = (value ?? {}) as Record<string, unknown>;
  return [used, max].every(Number.isFinite);
}

function isLeaseSettings(value: unknown): value is LeaseSettings {
  const { duration_ms, retry_ms, margin_ms } = (value ?? {}) as Record<string, unknown>;
  return [duration_ms, retry_ms, margin_ms].every(Number.isFinite);
}

export function leaseSettings({ durationMs, retryMs, marginMs }: LeaseTiming): LeaseSettings {
  return { duration_ms: durationMs, retry_ms: retryMs, margin_ms: marginMs };
}

/** Problems in the cluster, by the entries of present replicas: of each one, and between them. */
export function clusterWarnings(replicas: readonly Replica[]): string[] {
  const present = replicas.filter(({ lost_at }) => lost_at === null);
  return [
    ...timingWarnings(present),
    ...present.flatMap(({ id, warnings }) => warnings.map((warning) => `${id}: ${warning}`)),
  ];
}

/** A sentence when replicas have different LEASE_* settings. Versions that omit theirs are ignored. */
export function timingWarnings(replicas: readonly Replica[]): string[] {
  const names = new Map<string, string[]>();
  for (const { id, lease_timing } of replicas) {
    if (lease_timing === null) continue;
    const { duration_ms, retry_ms, margin_ms } = lease_timing;
    const settings = `LEASE_DURATION=${formatDuration(duration_ms)} LEASE_RETRY_PERIOD=${
      formatDuration(retry_ms)
    } LEASE_MARGIN=${formatDuration(margin_ms)}`;
    names.set(settings, [...names.get(settings) ?? [], id]);
  }
  if (names.size < 2) return [];
  const parts = [...names].map(([settings, ids]) => `${settings} on ${listed(ids)}`);
  return [
    `replicas have different lease settings: ${parts.join('; ')}. Use the same settings on all replicas`,
  ];
}

function listed(ids: readonly string[]): string {
  const shown = ids.slice(0, 10).join(', ');
  return ids.length > 10 ? `${shown} and ${ids.length - 10} more` : shown;
}

/** Whether the text has the form of a UUID. */
export function isBoot(text: string): boolean {
  return /^[0-9a-f-]{36}$/.test(text);
}

/** The entry as clients see it: without the fields for the event stream. */
export function replicaOf(
  { change: _change, news: _news, transition_count: _count, ...replica }: Presence,
): Replica {
  return replica;
}
