/** The transitions in a machine's definition, and their labels. */
import type { AnyStateNode, AnyTransitionDefinition } from 'xstate';

/** All transitions that leave a state, eventless ones included. */
export function transitionsOf(state: AnyStateNode): AnyTransitionDefinition[] {
  return [...state.transitions.values()].flat().concat(state.always ?? []);
}

/** The event, and the guard in brackets. */
export function transitionLabel({ eventType, guard, source }: AnyTransitionDefinition): string {
  const invoked = source.invoke[0]?.src;
  const event = eventLabel(eventType, typeof invoked === 'string' ? invoked : 'child');
  const condition = typeof guard === 'string' ? guard : typeof guard === 'object' ? guard.type : undefined;
  return condition === undefined ? event : `${event} [${condition}]`;
}

/** A readable name for XState's own events, such as `xstate.done.actor.0.replica.finishing`. */
function eventLabel(type: string, invoked: string): string {
  if (type === '') return 'at once';
  if (type.startsWith('xstate.done.actor.0.')) return `${invoked} done`;
  if (type.startsWith('xstate.error.actor.0.')) return `${invoked} failed`;
  if (type.startsWith('xstate.done.actor.')) return `${type.slice('xstate.done.actor.'.length)} done`;
  if (type.startsWith('xstate.after.')) return `after ${type.split('.')[2]}`;
  return type;
}
