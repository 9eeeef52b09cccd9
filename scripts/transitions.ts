/** Reading a machine's definition: which transitions it has, and what to call them. */
import type { AnyStateNode, AnyTransitionDefinition } from 'xstate';

/** All transitions that leave a state, eventless ones included. */
export function transitionsOf(state: AnyStateNode): AnyTransitionDefinition[] {
  return [...state.transitions.values()].flat().concat(state.always ?? []);
}

/** What a reader calls a transition: its event, and its guard in brackets. */
export function transitionLabel({ eventType, guard, source }: AnyTransitionDefinition): string {
  const invoked = source.invoke[0]?.src;
  const event = eventLabel(eventType, typeof invoked === 'string' ? invoked : 'child');
  const condition = typeof guard === 'string' ? guard : typeof guard === 'object' ? guard.type : undefined;
  return condition === undefined ? event : `${event} [${condition}]`;
}

/**
 * What XState calls `xstate.done.actor.0.replica.finishing` is, for a reader, that an invoked actor is done.
 */
function eventLabel(type: string, invoked: string): string {
  if (type === '') return 'at once';
  if (type.startsWith('xstate.done.actor.0.')) return `${invoked} done`;
  if (type.startsWith('xstate.error.actor.0.')) return `${invoked} failed`;
  if (type.startsWith('xstate.done.actor.')) return `${type.slice('xstate.done.actor.'.length)} done`;
  if (type.startsWith('xstate.after.')) return `after ${type.split('.')[2]}`;
  return type;
}
