/** The leader part of the election: renews the lease until it stops, steps down, is fenced, or trust ends. */
import type { Grant, Lease } from '../../domain/leadership/lease.ts';
import { election } from './electionSetup.ts';

export const leaderState = election.createStateConfig({
  entry: { type: 'role', params: { role: 'leader' } },
  invoke: { src: 'watchTrust' },
  initial: 'holding',
  on: {
    STOP: {
      target: 'resigning',
      actions: ['noteStop', { type: 'noteLeaving', params: { by: 'released' } }],
    },
    'TRUST.OVER': {
      target: 'follower',
      actions: ['endTrust', 'lost', { type: 'ended', params: { by: 'expired' } }, 'forgetGrant'],
    },
    'SCHEDULER.FENCED': {
      guard: 'isMyTerm',
      target: 'follower',
      actions: ['endTrust', 'lost', { type: 'ended', params: { by: 'fenced' } }, 'forgetGrant'],
    },
  },
  states: {
    holding: { after: { nextRenewal: 'renewing' }, on: { HINT: 'renewing' } },
    renewing: {
      invoke: {
        src: 'renew',
        input: ({ context }) => ({ grant: context.grant as Grant }),
        onDone: [
          {
            guard: { type: 'isRefused', params: ({ event }) => ({ answer: event.output }) },
            target: '#election.follower',
            actions: ['endTrust', 'lost', { type: 'ended', params: { by: 'fenced' } }, 'forgetGrant'],
          },
          {
            guard: { type: 'isToStepDown', params: ({ event }) => ({ answer: event.output }) },
            target: '#election.resigning',
            actions: { type: 'noteLeaving', params: { by: 'stepped down' } },
          },
          {
            target: 'holding',
            actions: { type: 'seen', params: ({ event }) => ({ lease: event.output as Lease }) },
          },
        ],
        onError: {
          target: 'holding',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'the lease could not be renewed; retrying',
              error: event.error,
            }),
          },
        },
      },
    },
  },
});
