/**
 * How long a change of leadership has the machine and the store to itself, ms: until the next
 * leader's first claim. What can wait does: announcements, the term history, the search for orphans,
 * the teardown of a stopped replica, other candidates.
 */
export const HEAD_START_MS = 100;

/**
 * Followers connect to a new leader only after this part of its term, ms: accepting connections
 * delays its first claim. Not later, since the lease of a leader killed before that must expire.
 */
export const MEET_AFTER_MS = HEAD_START_MS / 2;
