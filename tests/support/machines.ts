/**
 * Machines under test, in two ways: as a pure function from a state and an event to the next state and what
 * is to be done (`walk`, `reachable`), and as an actor whose slots are answered by the test (`calls`,
 * `underParent`).
 */
import {
  type ActorRefFrom,
  type AnyActorLogic,
  type AnyActorRef,
  type AnyActorScope,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type ContextFrom,
  createActor,
  createMachine,
  fromPromise,
  getNextTransitions,
  type InputFrom,
} from 'xstate';
import { getAdjacencyMap } from 'xstate/graph';
import type { Clock } from '../../src/actors/shared/environment.ts';
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

type Step = [AnyMachineSnapshot, PlainAction[]];
interface PlainAction {
  type: string;
  params: unknown;
}

/** As XState's `initialTransition`, but with a parent to send to. */
function firstStep(machine: AnyStateMachine, input: unknown): Step {
  const { scope, actions } = inert();
  return [machine.getInitialSnapshot(scope, input), actions];
}

/** As XState's `transition`, but with a parent to send to. */
function step(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: AnyEventObject): Step {
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

function stateOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.entries(value as object).map(([name, inner]) => `${name}.${stateOf(inner)}`).join(' ');
}

function childrenOf(snapshot: AnyMachineSnapshot): [id: string, child: AnyActorRef][] {
  return Object.entries(snapshot.children as Record<string, AnyActorRef>);
}

/** The `src` of each child. */
function underWayIn(snapshot: AnyMachineSnapshot): string[] {
  return childrenOf(snapshot).map(([, { src }]) => `${src}`);
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
