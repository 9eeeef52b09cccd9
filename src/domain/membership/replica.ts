import { formatDuration } from '../timing/duration.ts';
import type { LeaseTiming } from '../leadership/lease.ts';

/** What a replica does in the election, for display. */
export type Role = 'follower' | 'candidate' | 'leader' | 'resigning' | 'draining';

/** The states of the election machine, as far as they are told. */
export type ElectionState = Exclude<Role, 'draining'> | 'stopped';

/** One step of a replica's election machine from one state to another. */
export interface Transition {
  /** On the server's clock. */
  at: Date;
  from: ElectionState;
  to: ElectionState;
  /** The type of the event that caused it, as the machine has it; null when there was none. */
  by: string | null;
}

/** How many transitions of a replica are kept (G9). */
export const MAX_TRANSITIONS = 20;

/** A replica's own word about itself, written again every second. */
export interface Replica {
  id: string;
  /** uuid of this process's life. */
  boot: string;
  role: Role;
  address: string;
  version: string;
  started_at: Date;
  /** On the server's clock. */
  last_seen: Date;
  /** The last heartbeat, once the next ones are missing for long enough that the leader has noticed. */
  lost_at: Date | null;
  /** The newest `MAX_TRANSITIONS`, oldest first. */
  transitions: Transition[];
  /** Its LEASE_* settings; null of a version that doesn't tell. */
  lease_timing: LeaseSettings | null;
  /** What is wrong with it, as far as it knows: sentences for people. */
  warnings: string[];
}

export interface LeaseSettings {
  duration_ms: number;
  retry_ms: number;
  margin_ms: number;
}

/** What a replica says when it announces itself. */
export type Announcement = Omit<Replica, 'last_seen' | 'lost_at'> & {
  /** How many transitions it has made in its life: tells the new ones from those that were told before. */
  transition_count: number;
};

/** Why the entry of a replica changed, other than by a heartbeat. */
export type PresenceChange = 'announced' | 'role' | 'warnings' | 'lost' | 'found' | 'left';

/** The entry of a replica as it is stored: with its last change, and how many transitions came with that. */
export type Presence = Replica & { transition_count: number; change: PresenceChange; news: number };

/** What an announcement changes, other than that the replica was seen; null when it is a mere heartbeat. */
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

/** Of an entry as it is stored, also by a version that doesn't write these fields yet, or writes something else there. */
export function optionalSettings(entry: object): Pick<Replica, 'lease_timing' | 'warnings'> {
  const { lease_timing, warnings } = entry as { lease_timing?: unknown; warnings?: unknown };
  return {
    lease_timing: isLeaseSettings(lease_timing) ? lease_timing : null,
    warnings: Array.isArray(warnings) ? warnings.filter((warning) => typeof warning === 'string') : [],
  };
}

function isLeaseSettings(value: unknown): value is LeaseSettings {
  const { duration_ms, retry_ms, margin_ms } = (value ?? {}) as Record<string, unknown>;
  return [duration_ms, retry_ms, margin_ms].every(Number.isFinite);
}

export function leaseSettings({ durationMs, retryMs, marginMs }: LeaseTiming): LeaseSettings {
  return { duration_ms: durationMs, retry_ms: retryMs, margin_ms: marginMs };
}

/** What is wrong in the cluster by the entries of those that are there: of each of them, and among them. */
export function clusterWarnings(replicas: readonly Replica[]): string[] {
  const present = replicas.filter(({ lost_at }) => lost_at === null);
  return [
    ...timingWarnings(present),
    ...present.flatMap(({ id, warnings }) => warnings.map((warning) => `${id}: ${warning}`)),
  ];
}

/** A sentence when replicas have different LEASE_* settings. A version that doesn't tell its own counts for none. */
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
  return [`replicas have different lease settings: ${parts.join('; ')}. Set them alike on all`];
}

function listed(ids: readonly string[]): string {
  const shown = ids.slice(0, 10).join(', ');
  return ids.length > 10 ? `${shown} and ${ids.length - 10} more` : shown;
}

/** Whether the text can be the uuid of a process's life. */
export function isBoot(text: string): boolean {
  return /^[0-9a-f-]{36}$/.test(text);
}
