/**
 * A machine as a pure function: from a state and an event to the next state and what is to be done. Nothing is
 * executed, so responses and timers come when the test says so.
 */
import {
  type AnyActorRef,
  type AnyActorScope,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type ContextFrom,
  createActor,
  createMachine,
  getNextTransitions,
  type InputFrom,
} from 'xstate';

/**
 * `name`, or the name and its parameters. Starts of actors are `start src`, timers `after 300`, messages to
 * children `send id`.
 */
type Deed = string | [name: string, params: unknown];

/** A walk through a machine: nothing is carried out, so answers and timers come when the test says so. */
export interface Walk {
  /** Names of nested states are joined by dots. */
  readonly state: string;
  /** What the last step asks for, in order. */
  readonly does: Deed[];
  // deno-lint-ignore no-explicit-any
  readonly context: any;
  /** The `src` of all that is invoked and has not answered. */
  readonly underWay: string[];
  on(event: AnyEventObject): Walk;
  /** The invoked `src` answers; an error when it was not started. */
  answers(src: string, output?: unknown): Walk;
  fails(src: string, error?: unknown): Walk;
  /** The timer goes off; an error when it does not run. */
  after(delay: string): Walk;
}

/** From the beginning, with `input`, or from the middle: a state with a context. */
export function walk<T extends AnyStateMachine>(
  machine: T,
  input?: InputFrom<T>,
  from?: { value: string; context: ContextFrom<T> },
): Walk {
  let [snapshot, actions] = from === undefined
    ? firstStep(machine, input)
    : [machine.resolveState(from), []] as Step;
  const it: Walk = {
    get state() {
      return stateOf(snapshot.value);
    },
    get does() {
      return actions.flatMap(deed);
    },
    get context() {
      return snapshot.context;
    },
    get underWay() {
      return underWayIn(snapshot);
    },
    on(event) {
      [snapshot, actions] = step(machine, snapshot, event);
      return it;
    },
    answers: (src, output) => it.on(doneEvent(childOf(snapshot, src), output)),
    fails: (src, error = new Error('no answer')) => it.on(errorEvent(childOf(snapshot, src), error)),
    after(delay) {
      const type = timersOf(snapshot).find((timer) => timer.startsWith(`xstate.after.${delay}.`));
      if (type === undefined) throw new Error(`no timer "${delay}" runs in ${it.state}`);
      return it.on({ type });
    },
  };
  return it;
}

export type Step = [AnyMachineSnapshot, PlainAction[]];
interface PlainAction {
  type: string;
  params: unknown;
}

/** As XState's `initialTransition`, but with a parent to send to. */
export function firstStep(machine: AnyStateMachine, input: unknown): Step {
  const { scope, actions } = inert();
  return [machine.getInitialSnapshot(scope, input), actions];
}

/** As XState's `transition`, but with a parent to send to. */
export function step(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: AnyEventObject): Step {
  const { scope, actions } = inert();
  return [machine.transition(snapshot, event, scope), actions];
}

/** Where a step is taken, and nothing is carried out: what is to be done is noted. */
function inert(): { scope: AnyActorScope; actions: PlainAction[] } {
  const actions: PlainAction[] = [];
  const parent = createActor(createMachine({}), { id: 'parent' });
  const self = createActor(createMachine({}), { parent });
  const nothing = () => {};
  const actionExecutor = ({ type, params }: PlainAction) => void actions.push({ type, params });
  return {
    scope: {
      ...{ self, system: self.system, id: '', sessionId: '', actionExecutor },
      ...{ logger: nothing, defer: nothing, stopChild: nothing, emit: nothing },
    },
    actions,
  };
}

function deed({ type, params }: PlainAction): Deed[] {
  const { src, delay, event, to, targetId } = (params ?? {}) as Record<string, unknown>;
  switch (type) {
    case 'xstate.spawnChild':
      return [`start ${src}`];
    case 'xstate.raise':
      return delay === undefined ? [] : [`after ${delay}`];
    case 'xstate.sendTo':
      return [[`send ${targetId ?? (to as { id: string }).id}`, event]];
    case 'xstate.stopChild':
    case 'xstate.cancel':
      return [];
    default:
      return params === undefined ? [type] : [[type, params]];
  }
}

export function stateOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.entries(value as object).map(([name, inner]) => `${name}.${stateOf(inner)}`).join(' ');
}

export function childrenOf(snapshot: AnyMachineSnapshot): [id: string, child: AnyActorRef][] {
  return Object.entries(snapshot.children as Record<string, AnyActorRef>);
}

/** The `src` of each child. */
export function underWayIn(snapshot: AnyMachineSnapshot): string[] {
  return childrenOf(snapshot).map(([, { src }]) => `${src}`);
}

/** The id of the child that was made from `src`. */
function childOf(snapshot: AnyMachineSnapshot, src: string): string {
  const found = childrenOf(snapshot).find(([, child]) => child.src === src);
  if (found === undefined) throw new Error(`"${src}" is not under way in ${stateOf(snapshot.value)}`);
  return found[0];
}

export const doneEvent = (id: string, output: unknown) => ({
  type: `xstate.done.actor.${id}`,
  actorId: id,
  output,
});
export const errorEvent = (id: string, error: unknown) => ({
  type: `xstate.error.actor.${id}`,
  actorId: id,
  error,
});

export function timersOf(snapshot: AnyMachineSnapshot): string[] {
  const types = getNextTransitions(snapshot).map(({ eventType }) => eventType);
  return types.filter((type) => type.startsWith('xstate.after.'));
}
