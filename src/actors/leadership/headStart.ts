/**
 * How long deferrable work waits during a change of leader, ms, so that the next leader's first claim
 * is not delayed: announcements, the term history, the search for orphans, the teardown of a stopped
 * replica, other candidates.
 */
export const HEAD_START_MS = 100;

/**
 * Followers connect to a new leader only after this part of its term, ms: accepting connections
 * delays its first claim. Not later, since the lease of a leader killed before that must expire.
 */
export const MEET_AFTER_MS = HEAD_START_MS / 2;
