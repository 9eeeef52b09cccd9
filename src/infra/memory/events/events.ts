import type { EventFeed, EventStep, OpenEvents } from '../../../actors/events/eventFeed.ts';
import type { ClusterEvent } from '../../../domain/events/event.ts';
import type { Schedule } from '../../../domain/schedules/schedule.ts';
import type { Connection } from '../shared/connection.ts';
import type { Database } from '../shared/database.ts';

/** How long `next` waits for an event. */
const QUIET_MS = 500;

export function memoryEvents(connection: Connection): EventFeed {
  const { db } = connection;
  return {
    open: (after) =>
      connection.call('events.open', () => after === null ? db.events.end : numberOf(db, after)).then((
        from,
      ) => from === null || db.events.since(from) === null ? 'lost' : openEvents(connection, from)),
  };
}

function openEvents(connection: Connection, from: number): OpenEvents {
  const { db } = connection;
  let at = from;
  let wake = () => {};
  const quiet = () => {
    const waiting = db.events.wait(db.clock, QUIET_MS);
    wake = waiting.wake;
    return waiting.done;
  };
  const forget = connection.onClose(() => wake());
  return {
    start: positionOf(db, from),
    async next(): Promise<EventStep | 'lost'> {
      if (db.events.end === at) await quiet();
      const event = await connection.call('events.next', () => read(connection, db.events.at(at)));
      if (event === 'lost') return 'lost';
      if (event !== null) at++;
      return { event, position: positionOf(db, at) };
    },
    close() {
      forget();
      wake();
    },
  };
}

/** Fixed width, so that positions sort as their numbers do. */
function positionOf(db: Database, number: number): string {
  return `${db.since}-${String(number).padStart(12, '0')}`;
}

function numberOf(db: Database, position: string): number | null {
  const [, since, number] = /^(.*Z)-(\d{12})$/.exec(position) ?? [];
  return since === db.since ? Number(number) : null;
}

function read(connection: Connection, event: ClusterEvent | null | 'lost'): ClusterEvent | null | 'lost' {
  if (event === null || event === 'lost' || event.type !== 'schedule' || event.schedule === null) {
    return event;
  }
  // The history keeps schedules: only a reader's version may not understand one.
  return { ...event, schedule: connection.read(event.schedule as Schedule) };
}
