/**
 * Machines under test, in two ways: as a pure function from a state and an event to the next state and what
 * is to be done (`walk`, `reachable`), and as an actor whose slots are answered by the test (`calls`,
 * `underParent`).
 */
import {
  type ActorRefFrom,
  type AnyActorRef,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type ContextFrom,
  createActor,
  createMachine,
  fromPromise,
  getNextTransitions,
  initialTransition,
  type InputFrom,
  transition,
} from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import type { Clock } from '../../src/actors/ports.ts';
import type { SimClock } from './simClock.ts';
import { rest } from './simClock.ts';

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
    ? initialTransition(machine as AnyStateMachine, input) as Step
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
      return childrenOf(snapshot).map(([, { src }]) => `${src}`);
    },
    on(event) {
      [snapshot, actions] = transition(machine as AnyStateMachine, snapshot, event) as Step;
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

type Step = [AnyMachineSnapshot, PlainAction[]];
interface PlainAction {
  type: string;
  params: unknown;
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

function stateOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.entries(value as object).map(([name, inner]) => `${name}.${stateOf(inner)}`).join(' ');
}

function childrenOf(snapshot: AnyMachineSnapshot): [id: string, child: AnyActorRef][] {
  return Object.entries(snapshot.children as Record<string, AnyActorRef>);
}

/** The id of the child that was made from `src`. */
function childOf(snapshot: AnyMachineSnapshot, src: string): string {
  const found = childrenOf(snapshot).find(([, child]) => child.src === src);
  if (found === undefined) throw new Error(`"${src}" is not under way in ${stateOf(snapshot.value)}`);
  return found[0];
}

const doneEvent = (id: string, output: unknown) => ({
  type: `xstate.done.actor.${id}`,
  actorId: id,
  output,
});
const errorEvent = (id: string, error: unknown) => ({
  type: `xstate.error.actor.${id}`,
  actorId: id,
  error,
});

function timersOf(snapshot: AnyMachineSnapshot): string[] {
  const types = getNextTransitions(snapshot).map(({ eventType }) => eventType);
  return types.filter((type) => type.startsWith('xstate.after.'));
}

/**
 * The states that can be reached, and those that there are to be in (one that is left at once is none),
 * both sorted. In each state every event of `events` may come, every timer may go off, and everything
 * invoked may fail or answer with one of `answers[src]`. `by`: what of the context makes a difference.
 */
export function reachable<T extends AnyStateMachine>(
  machine: T,
  { input, events = [], answers = {}, by = () => null }: {
    input?: InputFrom<T>;
    events?: AnyEventObject[];
    answers?: Record<string, unknown[]>;
    by?: (context: ContextFrom<T>) => unknown;
  },
): { reached: string[]; all: string[] } {
  const paths = getShortestPaths(machine as AnyStateMachine, {
    input,
    events: (state: unknown) => {
      const snapshot = state as AnyMachineSnapshot;
      const fromChildren = childrenOf(snapshot).flatMap(([id, { src }]) => [
        ...(answers[src as string] ?? []).map((output) => doneEvent(id, output)),
        ...(src as string in answers ? [errorEvent(id, new Error('no answer'))] : []),
      ]);
      return [...events, ...fromChildren, ...timersOf(snapshot).map((type) => ({ type }))];
    },
    serializeState: (state: unknown) => {
      const { value, context } = state as AnyMachineSnapshot;
      return JSON.stringify([value, by(context)]);
    },
  });
  const reached = new Set(paths.map(({ state }) => stateOf((state as AnyMachineSnapshot).value)));
  return { reached: [...reached].sort(), all: leavesOf(machine.root).sort() };
}

function leavesOf(node: AnyStateMachine['root']): string[] {
  const inner = Object.values(node.states) as AnyStateMachine['root'][];
  if (inner.length > 0) return inner.flatMap(leavesOf);
  const isLeftAtOnce = node.always?.some(({ guard }) => guard === undefined) === true;
  return isLeftAtOnce ? [] : [node.path.join('.')];
}

interface Call<I, O> {
  input: I;
  /** Aborted when the machine has no use for the answer any more. */
  signal: AbortSignal;
  answer(output: O): Promise<void>;
  fail(error?: Error): Promise<void>;
}

/**
 * A slot for promises that notes how it was called, and answers when the test says so. Whoever awaits
 * `answer` sees its consequences.
 */
export function calls<O, I = unknown>() {
  const list: Call<I, O>[] = [];
  const slot = fromPromise<O, I>(({ input, signal }) =>
    new Promise((resolve, reject) =>
      list.push({
        input,
        signal,
        answer: (output) => (resolve(output), rest()),
        fail: (error = new Error('no answer')) => (reject(error), rest()),
      })
    )
  );
  return {
    slot,
    list,
    /** The newest. */
    get last(): Call<I, O> {
      const call = list.at(-1);
      if (call === undefined) throw new Error('the slot has not been called');
      return call;
    },
  };
}

/** Starts the machine as a child of a parent that takes note of everything that it is told. */
export function underParent<T extends AnyStateMachine>(
  machine: T,
  { clock, input }: { clock: SimClock & Clock; input?: InputFrom<T> },
) {
  const told: AnyEventObject[] = [];
  const parent = createActor(
    createMachine({
      invoke: { src: machine, id: 'child', input: input as never },
      on: { '*': { actions: ({ event }) => void told.push(event) } },
    }),
    { clock },
  );
  parent.start();
  const child = parent.getSnapshot().children.child as AnyActorRef;
  return {
    child: child as ActorRefFrom<T>,
    told,
    /** The types of what was told, and forgets it. */
    heard: () => told.splice(0).map((event) => event.type),
    get state(): string {
      return stateOf(child.getSnapshot().value);
    },
  };
}
