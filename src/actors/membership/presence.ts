/**
 * Presence: a replica's heartbeat, every second, stamped with the server's clock.
 *
 *   announcing ⇄ resting ──ROLE──▶ gathering ──▶ announcing
 *   resting ──STOP──▶ leaving ──▶ gone     (waits for an announcement in flight: it would come after)
 *
 * A new role is announced a moment later: more roles follow closely during a change of leader, and the
 * store has more urgent work then.
 *
 * An announcement also lists the latest steps of the election machine, one by one, including those
 * too quick to be announced singly. Each one repeats the newest few, so that a failed announcement
 * loses none.
 *
 * A failed announcement needs no retry: the next one follows within a second, and a missing heartbeat
 * only looks late.
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
  /** Server time, epoch ms; this machine's clock before it is known. */
  serverNowMs: () => number;
}

/** `by`: the type of the event that led to the role. */
type RoleEvent = { type: 'ROLE'; role: Role; by: string | null };

/** The announced role, and the transitions that led to it. */
type Status = Pick<Announcement, 'role' | 'transitions' | 'transition_count'>;

interface Context extends PresenceInput {
  status: Status;
  /** `status` has changed since the last announcement. */
  changed: boolean;
  stopping: boolean;
}

export const presenceMachine = setup({
  types: { context: {} as Context, input: {} as PresenceInput, events: {} as RoleEvent | StopEvent },
  actors: {
    announce: fromPromise<void, Status>(unfilled('presence', 'announce')),
    leave: fromPromise<void>(unfilled('presence', 'leave')),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('presence', 'report')(),
    noteRole: assign(({ context }, event: RoleEvent) => withRole(context, event)),
    announced: assign({ changed: false }),
    noteStop: assign({ stopping: true }),
  },
  guards: { hasChanged: ({ context }) => context.changed, isStopping: ({ context }) => context.stopping },
  delays: { interval: 1000, headStart: HEAD_START_MS },
}).createMachine({
  id: 'presence',
  context: ({ input }) => ({
    ...input,
    status: { role: 'follower', transitions: [], transition_count: 0 },
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
        input: ({ context }) => context.status,
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
            params: ({ event }) => ({
              message: "this replica's presence entry could not be deleted",
              error: event.error,
            }),
          },
        },
      },
    },
    gone: { type: 'final' },
  },
});

function withRole({ status, changed, serverNowMs }: Context, { role, by }: RoleEvent): Partial<Context> {
  // The first role is reported too, and is no transition.
  if (role === status.role) return { changed };
  const step: Transition = { at: new Date(serverNowMs()), from: stateOf(status.role), to: stateOf(role), by };
  return {
    status: {
      role,
      transitions: [...status.transitions, step].slice(-MAX_TRANSITIONS),
      transition_count: status.transition_count + 1,
    },
    changed: true,
  };
}

function stateOf(role: Role): ElectionState {
  return role === 'draining' ? 'stopped' : role;
}
