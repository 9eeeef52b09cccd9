/** Machines as running actors, whose slots the test answers. */
import {
  type ActorRefFrom,
  type AnyActorRef,
  type AnyEventObject,
  type AnyStateMachine,
  createActor,
  createMachine,
  fromPromise,
  type InputFrom,
} from 'xstate';
import { rest, type SimClock } from '../../../harness/sim/clock.ts';
import { stateOf } from './walk.ts';

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
  { clock, input }: { clock: SimClock; input?: InputFrom<T> },
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
