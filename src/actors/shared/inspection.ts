import type { AnyActorRef, AnyMachineSnapshot, InspectionEvent } from 'xstate';
import { brief } from './brief.ts';

/** An XState inspection event as plain data, short enough to send. */
export interface InspectionRecord {
  /** XState's own name: `@xstate.event` and the like. */
  type: InspectionEvent['type'];
  session_id: string;
  /** The actor's id: `election`, `job:nightly`. */
  actor: string;
  root_id: string | undefined;
  parent_id: string | undefined;
  /** Session id of the sender. */
  source_id?: string | undefined;
  event?: unknown;
  snapshot?: unknown;
  /** Event types of the transitions taken. */
  transitions?: string[];
  action?: unknown;
}

/** `prefix` makes session ids unique across processes. Null for an event without an actor. */
export function inspectionRecord(event: InspectionEvent, prefix: string): InspectionRecord | null {
  const actor = event.actorRef as AnyActorRef & { _parent?: AnyActorRef };
  if (actor?.sessionId === undefined) return null;
  const prefixed = (id: string | undefined) => id && `${prefix}/${id}`;
  const record: InspectionRecord = {
    type: event.type,
    session_id: `${prefix}/${actor.sessionId}`,
    actor: actor.id,
    root_id: prefixed(event.rootId),
    parent_id: prefixed(actor._parent?.sessionId),
  };
  switch (event.type) {
    case '@xstate.actor':
      return record;
    case '@xstate.event':
      return { ...record, source_id: prefixed(event.sourceRef?.sessionId), event: brief(event.event) };
    case '@xstate.snapshot':
      return { ...record, event: brief(event.event), snapshot: snapshotOf(event.snapshot) };
    case '@xstate.microstep': {
      const transitions = event._transitions.map(({ eventType }) => eventType);
      return { ...record, event: brief(event.event), snapshot: snapshotOf(event.snapshot), transitions };
    }
    case '@xstate.action':
      return { ...record, action: brief({ type: event.action.type, params: event.action.params }) };
    default:
      return record;
  }
}

/** Omits the children: each has events of its own. */
function snapshotOf(snapshot: unknown) {
  const { status, value, context, output, error, input } = (snapshot ?? {}) as AnyMachineSnapshot & {
    input?: unknown;
  };
  return {
    status,
    value,
    context: brief(context),
    output: brief(output),
    error: brief(error),
    input: brief(input),
  };
}
