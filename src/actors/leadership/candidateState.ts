/** The candidate part of the election: requests the lease, once. */
import type { Acquisition } from '../../domain/leadership/lease.ts';
import { election } from './electionSetup.ts';

export const candidateState = election.createStateConfig({
  entry: { type: 'role', params: { role: 'candidate' } },
  invoke: {
    src: 'acquire',
    input: ({ context: { me, dead } }) => ({ me, instead: dead }),
    onDone: [
      {
        guard: { type: 'isRefused', params: ({ event }) => ({ answer: event.output }) },
        target: 'follower.looking',
        actions: 'forgetDead',
      },
      {
        // STOP came while the answer was in flight: releases the won lease at once.
        guard: 'isStopping',
        target: 'resigning.releasing',
        actions: [
          { type: 'noteLeaving', params: { by: 'released' } },
          { type: 'noteGrant', params: ({ event }) => event.output as Acquisition },
          { type: 'began', params: ({ event }) => ({ acquisition: event.output as Acquisition }) },
        ],
      },
      {
        target: 'leader',
        actions: [
          { type: 'noteGrant', params: ({ event }) => event.output as Acquisition },
          { type: 'began', params: ({ event }) => ({ acquisition: event.output as Acquisition }) },
          { type: 'won', params: ({ event }) => event.output as Acquisition },
        ],
      },
    ],
    onError: {
      target: 'follower.storeUnreachable',
      actions: {
        type: 'report',
        params: ({ event }) => ({
          message: 'the lease could not be acquired; retrying',
          error: event.error,
        }),
      },
    },
  },
});
