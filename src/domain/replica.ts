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
}

/** What a replica says when it announces itself. */
export type Announcement = Omit<Replica, 'last_seen' | 'lost_at'> & {
  /** How many transitions it has made in its life: tells the new ones from those that were told before. */
  transition_count: number;
};

/** Why the entry of a replica changed, other than by a heartbeat. */
export type PresenceChange = 'announced' | 'role' | 'lost' | 'found' | 'left';

/** The entry of a replica as it is stored: with its last change, and how many transitions came with that. */
export type Presence = Replica & { transition_count: number; change: PresenceChange; news: number };

/** What an announcement changes, other than that the replica was seen; null when it is a mere heartbeat. */
export function changeBy(
  { change, lost_at, role, transition_count }: Presence,
  announced: Announcement,
): Pick<Presence, 'change' | 'news'> | null {
  const news = Math.min(announced.transition_count - transition_count, announced.transitions.length);
  if (change === 'left') return { change: 'announced', news };
  if (lost_at !== null) return { change: 'found', news };
  return news > 0 || role !== announced.role ? { change: 'role', news } : null;
}

/** Whether the text can be the uuid of a process's life. */
export function isBoot(text: string): boolean {
  return /^[0-9a-f-]{36}$/.test(text);
}
