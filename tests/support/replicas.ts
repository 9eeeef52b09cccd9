import { type Announcement, leaseSettings } from '../../src/domain/membership/replica.ts';
import { LEASE } from '../../harness/sim/cluster.ts';

/** What a follower announces that has made no transition. */
export function announcement(id: string, more: Partial<Announcement> = {}): Announcement {
  return {
    ...{ id, boot: `boot-${id}`, role: 'follower', address: `http://${id}`, version: '1' },
    started_at: new Date(0),
    ...{
      transitions: [],
      transition_count: 0,
      lease_timing: leaseSettings(LEASE),
      warnings: [],
      places: { used: 0, max: 500 },
    },
    ...more,
  };
}

/** The vitals of a replica that has just started. */
export const VITALS = {
  leads: false,
  term: 0,
  watermarkMs: null,
  schedules: 0,
  moments: 0,
  notUnderstood: 0,
  clockBehindMs: 0,
  places: { used: 0, max: 500 },
  liveJobs: 0,
  addressOk: null,
  leaderWatched: false,
};
