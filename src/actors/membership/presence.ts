/**
 * Presence: a replica's word that it lives, renewed every second on the server's clock.
 *
 *   announcing ⇄ resting ──ROLE──▶ gathering ──▶ announcing
 *   resting ──STOP──▶ leaving ──▶ gone     (an announcement under way is waited for: it would come after)
 *
 * A new role is announced a moment later: others follow it closely while the lease changes hands, and the store
 * has more urgent things to do then.
 *
 * A replica also says how it came to its role: each step of its election machine, one by one, also those that
 * follow each other too quickly to be announced singly. The newest few are said again each time, so that none is
 * lost with an announcement that fails.
 *
 * An announcement that fails is simply followed by the next one: being seen too late is the meaning of a
 * missing heartbeat.
 */
import { assign, fromPromise, setup } from 'xstate';
import {
  type Announcement,
  type ElectionState,
  MAX_TRANSITIONS,
  type Role,
  type Transition,
} from '../../domain/membership/replica.ts';
import type { StopEvent } from '../shared/stopEvent.ts';
import { HEAD_START_MS } from '../leadership/headStart.ts';
import { unfilled } from '../shared/slot.ts';

export interface PresenceInput {
  /** Server time, epoch ms, as far as it is known. */
  serverNowMs: () => number;
}

/** `by`: the type of the event that led to the role. */
type RoleEvent = { type: 'ROLE'; role: Role; by: string | null };

/** What is said of the role, and how it came to that. */
type Word = Pick<Announcement, 'role' | 'transitions' | 'transition_count'>;

interface Context extends PresenceInput {
  word: Word;
  /** The word has changed since it was announced last. */
  changed: boolean;
  stopping: boolean;
}

export const presenceMachine = setup({
  types: { context: {} as Context, input: {} as PresenceInput, events: {} as RoleEvent | StopEvent },
  actors: {
    announce: fromPromise<void, Word>(unfilled('presence', 'announce')),
    leave: fromPromise<void>(unfilled('presence', 'leave')),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('presence', 'report')(),
    noteRole: assign(({ context }, event: RoleEvent) => noted(context, event)),
    announced: assign({ changed: false }),
    noteStop: assign({ stopping: true }),
  },
  guards: { hasChanged: ({ context }) => context.changed, isStopping: ({ context }) => context.stopping },
  delays: { interval: 1000, headStart: HEAD_START_MS },
}).createMachine({
  id: 'presence',
  context: ({ input }) => ({
    ...input,
    word: { role: 'follower', transitions: [], transition_count: 0 },
    changed: false,
    stopping: false,
  }),
  initial: 'announcing',
  on: {
    ROLE: { actions: { type: 'noteRole', params: ({ event }) => event } },
    STOP: { actions: 'noteStop' },
  },
  states: {
    announcing: {
      entry: 'announced',
      invoke: {
        src: 'announce',
        input: ({ context }) => context.word,
        onDone: 'resting',
        onError: {
          target: 'waiting',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'this replica could not announce itself',
              error: event.error,
            }),
          },
        },
      },
    },
    resting: {
      always: [{ guard: 'isStopping', target: 'leaving' }, { guard: 'hasChanged', target: 'gathering' }],
      after: { interval: 'announcing' },
    },
    gathering: { always: { guard: 'isStopping', target: 'leaving' }, after: { headStart: 'announcing' } },
    waiting: { always: { guard: 'isStopping', target: 'leaving' }, after: { interval: 'announcing' } },
    leaving: {
      invoke: {
        src: 'leave',
        onDone: 'gone',
        onError: {
          target: 'gone',
          actions: {
            type: 'report',
            params: ({ event }) => ({ message: 'this replica could not take its leave', error: event.error }),
          },
        },
      },
    },
    gone: { type: 'final' },
  },
});

function noted({ word, changed, serverNowMs }: Context, { role, by }: RoleEvent): Partial<Context> {
  // The first role is told as well, and is no change.
  if (role === word.role) return { changed };
  const step: Transition = { at: new Date(serverNowMs()), from: stateOf(word.role), to: stateOf(role), by };
  return {
    word: {
      role,
      transitions: [...word.transitions, step].slice(-MAX_TRANSITIONS),
      transition_count: word.transition_count + 1,
    },
    changed: true,
  };
}

function stateOf(role: Role): ElectionState {
  return role === 'draining' ? 'stopped' : role;
}
