/** Explores every state that a machine can reach, whatever happens in each of them. */
import type {
  AnyActorLogic,
  AnyEventObject,
  AnyMachineSnapshot,
  AnyStateMachine,
  ContextFrom,
  InputFrom,
} from 'xstate';
import { getAdjacencyMap } from 'xstate/graph';
import {
  childrenOf,
  doneEvent,
  errorEvent,
  firstStep,
  stateOf,
  type Step,
  step,
  timersOf,
  underWayIn,
} from './walk.ts';

interface Search<T extends AnyStateMachine> {
  /** It begins with each of them. */
  inputs?: InputFrom<T>[];
  /** And in the middle: for what takes too many steps to get to. Nothing is invoked in these states. */
  from?: { value: string; context: ContextFrom<T> }[];
  /** What may come in each state; or by the `src`s of what is under way in it, and its context. */
  events?: AnyEventObject[] | ((underWay: string[], context: ContextFrom<T>) => AnyEventObject[]);
  /** What is invoked answers with one of these, or fails, by its `src`. Others never answer. */
  answers?: Record<string, unknown[]>;
  /** The `src` of those that never fail. */
  unfailing?: string[];
  /** With what the others fail, by their `src`, when it makes a difference. */
  failures?: Record<string, Error[]>;
  /** What of the context makes a difference. */
  by?: (context: ContextFrom<T>) => unknown;
  /** Throws when something is wrong with a state, its context, or the `src`s of all that is under way in it. */
  invariant?: (state: string, context: ContextFrom<T>, underWay: string[]) => void;
}

/**
 * The states that can be reached, and those that there are to be in (one that is left at once is none),
 * both sorted; and the transitions that are never taken on the way, or from there: the event, its place in the
 * order of those for that event, and the state. Any event, answer, failure and timer may come in each state.
 * Throws when the invariant does not hold somewhere, or a failure is not dealt with, and says how to get there.
 */
export function reachable<T extends AnyStateMachine>(
  machine: T,
  { inputs = [undefined as InputFrom<T>], from = [], ...search }: Search<T>,
): { reached: string[]; all: string[]; untaken: string[] } {
  // A copy, since its transitions are marked.
  const copy = machine.provide({}) as AnyStateMachine;
  const untaken = marked(copy.root);
  const reached = new Set<string>();
  const begins = [
    ...inputs.map((input) => firstStep(copy, input)),
    ...from.map((middle) => [copy.resolveState(middle), []] as Step),
  ];
  for (const begin of begins) explore(copy, begin, search as Search<AnyStateMachine>, untaken, reached);
  return { reached: [...reached].sort(), all: leavesOf(copy.root).sort(), untaken: [...untaken].sort() };
}

/** More than that many steps, and `by` tells too many states apart. */
const MAX_STEPS = 20_000;

/** Takes what is taken out of `untaken`, and adds what is reached to `reached`. */
function explore(
  machine: AnyStateMachine,
  begin: Step,
  { events = [], answers = {}, unfailing = [], failures = {}, by = () => null, invariant = () => {} }: Search<
    AnyStateMachine
  >,
  untaken: Set<string>,
  reached: Set<string>,
): void {
  const eventsIn = (snapshot: AnyMachineSnapshot): AnyEventObject[] => {
    if (snapshot.status !== 'active') return [];
    const fromChildren = childrenOf(snapshot).flatMap(([id, child]) => {
      const src = child.src as string;
      const mayFail = src in answers && !unfailing.includes(src);
      return [
        ...(answers[src] ?? []).map((output) => doneEvent(id, output)),
        ...(mayFail ? failures[src] ?? [new Error('no answer')] : []).map((error) => errorEvent(id, error)),
      ];
    });
    const fromOutside = typeof events === 'function'
      ? events(underWayIn(snapshot), snapshot.context)
      : events;
    return [...fromOutside, ...fromChildren, ...timersOf(snapshot).map((type) => ({ type }))];
  };
  const keyOf = (snapshot: AnyMachineSnapshot) =>
    JSON.stringify([snapshot.value, snapshot.status, by(snapshot.context)]);
  const visit = ([snapshot, actions]: Step, way: string[]) => {
    for (const { type } of actions) untaken.delete(type);
    const state = stateOf(snapshot.value);
    reached.add(state);
    try {
      if (snapshot.status === 'error') throw snapshot.error;
      invariant(state, snapshot.context, underWayIn(snapshot));
    } catch (error) {
      throw new Error(`${state} is not sound after ${way.join(', ') || 'nothing'}`, { cause: error });
    }
  };
  visit(begin, []);
  const ways = new Map([[keyOf(begin[0]), [] as string[]]]);
  const logic = {
    getInitialSnapshot: () => begin[0],
    getPersistedSnapshot: () => begin[0],
    transition: (snapshot: AnyMachineSnapshot, event: AnyEventObject) => {
      const taken = step(machine, snapshot, event);
      const way = [...(ways.get(keyOf(snapshot)) ?? []), event.type];
      const next = keyOf(taken[0]);
      if (!ways.has(next)) ways.set(next, way);
      visit(taken, way);
      return taken[0];
    },
  };
  getAdjacencyMap(logic as AnyActorLogic, {
    events: (snapshot) => eventsIn(snapshot as AnyMachineSnapshot),
    serializeState: (snapshot) => keyOf(snapshot as AnyMachineSnapshot),
    limit: MAX_STEPS,
  });
}

/** Adds to each transition an action that does nothing but tell that it was taken. Answers with their names. */
function marked(node: AnyStateMachine['root'], names = new Set<string>()): Set<string> {
  for (const [event, candidates] of [...node.transitions, ['at once', node.always ?? []] as const]) {
    candidates.forEach((candidate, index) => {
      const type = `${event} #${index + 1} of ${node.path.join('.') || node.key}`;
      candidate.actions = [...candidate.actions, { type }];
      names.add(type);
    });
  }
  for (const inner of Object.values(node.states) as AnyStateMachine['root'][]) marked(inner, names);
  return names;
}

function leavesOf(node: AnyStateMachine['root']): string[] {
  const inner = Object.values(node.states) as AnyStateMachine['root'][];
  if (inner.length > 0) return inner.flatMap(leavesOf);
  const isLeftAtOnce = node.always?.some(({ guard }) => guard === undefined) === true;
  return isLeftAtOnce ? [] : [node.path.join('.')];
}
