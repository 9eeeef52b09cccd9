/** The part of the election in which a leader makes way: it settles, gives the lease back, and lets the next one begin. */
import type { Grant } from '../../domain/leadership/lease.ts';
import { election } from './electionSetup.ts';

export const resigningState = election.createStateConfig({
  entry: [{ type: 'role', params: { role: 'resigning' } }],
  initial: 'settling',
  states: {
    settling: {
      entry: 'ending',
      on: { 'SCHEDULER.STOOD_DOWN': 'releasing' },
      // A batch that the store never answers can't keep the lease: whatever becomes of it, it is fenced
      // or durable.
      after: { settleLimit: 'releasing' },
    },
    releasing: {
      invoke: {
        src: 'release',
        input: ({ context }) => ({ grant: context.grant as Grant, by: context.leaving }),
        onDone: [
          {
            guard: { type: 'isReleased', params: ({ event }) => ({ released: event.output }) },
            target: 'released',
            actions: { type: 'ended', params: ({ context }) => ({ by: context.leaving }) },
          },
          { target: 'released', actions: { type: 'ended', params: { by: 'fenced' } } },
        ],
        onError: {
          target: 'released',
          actions: [
            {
              type: 'report',
              params: ({ event }) => ({
                message: 'the lease could not be released; it will expire',
                error: event.error,
              }),
            },
            { type: 'ended', params: { by: 'expired' } },
          ],
        },
      },
    },
    released: {
      entry: 'endTrust',
      always: [
        { guard: 'isStopping', target: 'handingOver' },
        { target: '#election.follower.coolingDown', actions: 'forgetGrant' },
      ],
    },
    /** To take down what is left keeps this process and the store busy: the next leader fires first. */
    handingOver: { after: { headStart: '#election.stopped' } },
  },
});
