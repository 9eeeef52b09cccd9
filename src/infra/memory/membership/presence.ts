import type { PresenceStore } from '../../../actors/membership/presenceStore.ts';
import { replicaEvent } from '../../../domain/events/event.ts';
import { changeBy, type Presence, replicaOf } from '../../../domain/membership/replica.ts';
import type { Connection } from '../shared/connection.ts';
import type { Database } from '../shared/database.ts';

export function memoryPresence(connection: Connection): PresenceStore {
  const { db } = connection;
  const ageMs = (replica: { last_seen: Date }) => heartbeatAgeMs(db, replica.last_seen);
  return {
    announce: (announced) =>
      connection.call('presence.announce', () => {
        const stored = db.replicas.get(announced.boot);
        const last_seen = db.now();
        if (stored === undefined) {
          const news = announced.transitions.length;
          return write(db, { ...announced, last_seen, lost_at: null, change: 'announced', news });
        }
        const change = changeBy(stored, announced);
        if (change === null) db.replicas.set(stored.boot, { ...stored, last_seen, places: announced.places });
        else write(db, { ...announced, last_seen, lost_at: null, ...change });
      }),

    leave: (boot) =>
      connection.call('presence.leave', () => {
        const stored = db.replicas.get(boot);
        if (stored) remove(db, stored);
      }),

    list: (withinMs) =>
      connection.call('presence.list', () =>
        [...db.replicas.values()]
          .filter((replica) => ageMs(replica) <= withinMs)
          .sort((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : a.boot < b.boot ? -1 : 1)
          .map(replicaOf)),

    sweep: ({ lostAfterMs, goneAfterMs }) =>
      connection.call('presence.sweep', () => {
        for (const stored of [...db.replicas.values()]) {
          if (ageMs(stored) > goneAfterMs) remove(db, stored);
          else if (ageMs(stored) > lostAfterMs && stored.lost_at === null) {
            write(db, { ...stored, lost_at: stored.last_seen, change: 'lost', news: 0 });
          }
        }
      }),
  };
}

/** Distance to the last heartbeat, ms; a future one predates a set-back of the server's clock. */
export function heartbeatAgeMs(db: Database, lastSeen: Date): number {
  return Math.abs(db.nowMs() - lastSeen.getTime());
}

function write(db: Database, presence: Presence): void {
  db.replicas.set(presence.boot, structuredClone(presence));
  db.events.append(replicaEvent(presence));
}

function remove(db: Database, presence: Presence): void {
  db.replicas.delete(presence.boot);
  db.events.append(replicaEvent({ ...presence, change: 'left', news: 0 }));
}
