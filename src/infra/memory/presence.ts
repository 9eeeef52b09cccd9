import type { PresenceStore } from '../../actors/ports.ts';
import type { Connection } from './connection.ts';

/** How long the entry of a replica that vanished is kept. */
const KEPT_MS = 3_600_000;

export function memoryPresence(connection: Connection): PresenceStore {
  const { db } = connection;
  const ageMs = (replica: { last_seen: Date }) => db.nowMs() - replica.last_seen.getTime();
  return {
    announce: (replica) =>
      connection.call('presence.announce', () => {
        for (const entry of db.replicas.values()) if (ageMs(entry) > KEPT_MS) db.replicas.delete(entry.boot);
        db.replicas.set(replica.boot, { ...structuredClone(replica), last_seen: db.now() });
      }),

    leave: (boot) => connection.call('presence.leave', () => void db.replicas.delete(boot)),

    list: (withinMs) =>
      connection.call('presence.list', () =>
        [...db.replicas.values()]
          .filter((replica) => ageMs(replica) <= withinMs)
          .sort((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : a.boot < b.boot ? -1 : 1)),
  };
}
