/** The resigning part of the election: settles, releases the lease, and lets the next leader begin. */
import type { Grant } from '../../domain/leadership/lease.ts';
import { election } from './electionSetup.ts';

export const resigningState = election.createStateConfig({
  entry: [{ type: 'role', params: { role: 'resigning' } }],
  initial: 'settling',
  states: {
    settling: {
      entry: 'ending',
      on: { 'SCHEDULER.STOOD_DOWN': 'releasing' },
      // A batch without an answer can't keep the lease: it is either fenced or durable.
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
    /** Teardown loads this process and the store: the next leader fires first. */
    handingOver: { after: { headStart: '#election.stopped' } },
  },
});
