/** Events as server-sent messages, each made once for all who get it. */
import type { ClusterEvent } from '../../domain/events/event.ts';
import { listed } from '../../domain/schedules/listing.ts';
import { isUnderstood, type NotUnderstood, type Schedule } from '../../domain/schedules/schedule.ts';
import { replicaView, runView, scheduleView, termView } from '../shared/views.ts';

/** Of every answer that is a stream of messages. */
export const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // For proxies that would gather it first.
  'X-Accel-Buffering': 'no',
};

export const EVENT_TYPES = ['leader', 'leadership', 'replica', 'schedule', 'clock', 'run'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface Message {
  /** Position after it; null for what belongs to the connection only. */
  id: string | null;
  /** Null for what everybody gets. */
  type: EventType | null;
  /** The schedule that it is about; null for what is about none. */
  scheduleId: string | null;
  bytes: Uint8Array;
}

/** Which events a client wants. */
export interface Filter {
  types: ReadonlySet<EventType>;
  /** Of schedules and runs only those of this one. */
  scheduleId: string | null;
}

export function wants({ types, scheduleId }: Filter, message: Message): boolean {
  return (message.type === null || types.has(message.type)) &&
    (scheduleId === null || message.scheduleId === null || message.scheduleId === scheduleId);
}

/** `nowMs`: the server's time, from which a schedule's next fire time is told. */
export function messageOf(id: string, event: ClusterEvent, nowMs: number): Message {
  const { type } = event;
  return { id, type, scheduleId: scheduleIdOf(event), bytes: encoded(type, dataOf(event, nowMs), id) };
}

/** A message that is no event of the cluster, of any name. */
export function plainMessage(name: string, data: unknown, id: string | null = null): Message {
  return { id, type: null, scheduleId: null, bytes: encoded(name, data, id) };
}

/** How long the client is to wait before it comes back after a break. */
export function reconnection(afterMs: number): Message {
  return { id: null, type: null, scheduleId: null, bytes: encoder.encode(`retry: ${afterMs}\n\n`) };
}

/** A line that clients pass over. */
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
      return { change: event.change, id: event.id, schedule: event.schedule && told(event.schedule, nowMs) };
    case 'clock':
      return { set_back: event.set_back };
    case 'run':
      return runView(event.run);
  }
}

function told(schedule: Schedule | NotUnderstood, nowMs: number): unknown {
  if (!isUnderstood(schedule)) return schedule;
  const { last_run: _, ...view } = scheduleView(listed(schedule, nowMs), undefined, nowMs);
  return view;
}
