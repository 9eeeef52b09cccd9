/**
 * How long a change of leadership has the machine and the store for itself, ms: until the next leader has made its
 * first claim. Whatever can wait for as long does: what is told of it, the look for orphans, the taking down of a
 * replica that has stopped, and whoever else would lead.
 */
export const HEAD_START_MS = 100;

/**
 * A new leader is left alone for the first moment of its term: to take connections keeps it from its first claim. Not
 * for longer, since the lease of one that is killed before it was met has to run out.
 */
export const MEET_AFTER_MS = HEAD_START_MS / 2;
