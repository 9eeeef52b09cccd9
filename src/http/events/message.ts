/** Events as server-sent messages, each encoded once for all clients. */
import type { ClusterEvent } from '../../domain/events/event.ts';
import { listed } from '../../domain/schedules/listing.ts';
import { isUnderstood, type NotUnderstood, type Schedule } from '../../domain/schedules/schedule.ts';
import { replicaView, runView, scheduleView, termView } from '../shared/views.ts';

/** Headers of every event-stream response. */
export const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // Keeps proxies from buffering it.
  'X-Accel-Buffering': 'no',
};

export const EVENT_TYPES = ['leader', 'leadership', 'replica', 'schedule', 'clock', 'run'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface Message {
  /** The position after it; null for a message of this connection only. */
  id: string | null;
  /** Null for a message that no filter drops. */
  type: EventType | null;
  /** The schedule of the event; null for an event of no schedule. */
  scheduleId: string | null;
  bytes: Uint8Array;
}

/** A client's filter. */
export interface Filter {
  types: ReadonlySet<EventType>;
  /** Limits events of schedules and runs to this schedule. */
  scheduleId: string | null;
}

export function wants({ types, scheduleId }: Filter, message: Message): boolean {
  return (message.type === null || types.has(message.type)) &&
    (scheduleId === null || message.scheduleId === null || message.scheduleId === scheduleId);
}

/** `nowMs`: the server's time, for computing a schedule's next fire time. */
export function messageOf(id: string, event: ClusterEvent, nowMs: number): Message {
  const { type } = event;
  return { id, type, scheduleId: scheduleIdOf(event), bytes: encoded(type, dataOf(event, nowMs), id) };
}

/** A message that is not a cluster event, with any name. */
export function plainMessage(name: string, data: unknown, id: string | null = null): Message {
  return { id, type: null, scheduleId: null, bytes: encoded(name, data, id) };
}

/** Sets the client's delay before it reconnects. */
export function reconnection(afterMs: number): Message {
  return { id: null, type: null, scheduleId: null, bytes: encoder.encode(`retry: ${afterMs}\n\n`) };
}

/** A line that clients ignore. */
export function comment(text: string): Message {
  return { id: null, type: null, scheduleId: null, bytes: encoder.encode(`: ${text}\n\n`) };
}

const encoder = new TextEncoder();

function encoded(name: string, data: unknown, id: string | null): Uint8Array {
  // JSON has no line breaks of its own.
  return encoder.encode(
    `${id === null ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`,
  );
}

function scheduleIdOf(event: ClusterEvent): string | null {
  return event.type === 'schedule' ? event.id : event.type === 'run' ? event.run.schedule_id : null;
}

function dataOf(event: ClusterEvent, nowMs: number): unknown {
  switch (event.type) {
    case 'leader': {
      const { leader, boot, term, by, at } = event;
      return { leader, boot, term, by, at };
    }
    case 'leadership':
      return termView(event.term);
    case 'replica':
      return {
        change: event.change,
        replica: replicaView(event.replica),
        transitions: event.transitions,
      };
    case 'schedule':
      return {
        change: event.change,
        id: event.id,
        schedule: event.schedule && scheduleData(event.schedule, nowMs),
      };
    case 'clock':
      return { set_back: event.set_back };
    case 'run':
      return runView(event.run);
  }
}

function scheduleData(schedule: Schedule | NotUnderstood, nowMs: number): unknown {
  if (!isUnderstood(schedule)) return schedule;
  const { last_run: _, ...view } = scheduleView(listed(schedule, nowMs), undefined, nowMs);
  return view;
}
