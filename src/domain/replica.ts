/** What a replica does in the election, for display. */
export type Role = 'follower' | 'candidate' | 'leader' | 'resigning' | 'draining';

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
}
