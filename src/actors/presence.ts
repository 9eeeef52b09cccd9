/**
 * Presence: a replica's word that it lives, renewed every second on the server's clock.
 *
 *   announcing ⇄ resting      ROLE: announce the new role at once
 *   resting ──STOP──▶ leaving ──▶ gone     (an announcement under way is waited for: it would come after)
 *
 * An announcement that fails is simply followed by the next one: being seen too late is the meaning of a
 * missing heartbeat.
 */
import { assign, fromPromise, setup } from 'xstate';
import type { Role } from '../domain/replica.ts';
import type { StopEvent } from './events.ts';
import { unfilled } from './slot.ts';

interface Context {
  role: Role;
  /** The role has changed since it was announced last. */
  changed: boolean;
  stopping: boolean;
}

export const presenceMachine = setup({
  types: { context: {} as Context, events: {} as { type: 'ROLE'; role: Role } | StopEvent },
  actors: {
    announce: fromPromise<void, { role: Role }>(unfilled('presence', 'announce')),
    leave: fromPromise<void>(unfilled('presence', 'leave')),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('presence', 'report')(),
    noteRole: assign(({ event }) => event.type === 'ROLE' ? { role: event.role, changed: true } : {}),
    announced: assign({ changed: false }),
    noteStop: assign({ stopping: true }),
  },
  guards: { hasChanged: ({ context }) => context.changed, isStopping: ({ context }) => context.stopping },
  delays: { interval: 1000 },
}).createMachine({
  id: 'presence',
  context: { role: 'follower', changed: false, stopping: false },
  initial: 'announcing',
  on: { ROLE: { actions: 'noteRole' }, STOP: { actions: 'noteStop' } },
  states: {
    announcing: {
      entry: 'announced',
      invoke: {
        src: 'announce',
        input: ({ context }) => ({ role: context.role }),
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
      always: [{ guard: 'isStopping', target: 'leaving' }, { guard: 'hasChanged', target: 'announcing' }],
      after: { interval: 'announcing' },
    },
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
