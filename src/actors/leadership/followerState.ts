/** The part of the election in which another replica leads, or none: looking at the lease, and watching the leader. */
import { election, grantOf } from './electionSetup.ts';

export const followerState = election.createStateConfig({
  entry: { type: 'role', params: { role: 'follower' } },
  invoke: { src: 'watchLeader', id: 'watchLeader' },
  always: { guard: 'isStopping', target: 'stopped' },
  on: {
    'LEADER.DEAD': {
      target: '.preempting',
      actions: { type: 'noteDead', params: ({ event }) => event },
    },
  },
  initial: 'looking',
  states: {
    looking: {
      invoke: {
        src: 'read',
        onDone: [
          {
            guard: { type: 'isFree', params: ({ event }) => event.output },
            target: '#election.candidate',
            actions: { type: 'seen', params: ({ event }) => event.output },
          },
          {
            guard: { type: 'isLeftBehind', params: ({ event }) => event.output },
            target: 'releasingStale',
            actions: ['forgetDead', { type: 'seen', params: ({ event }) => event.output }],
          },
          {
            // A pre-emption that came to nothing for another reason than that somebody else was first.
            guard: { type: 'isHeldByDead', params: ({ event }) => event.output },
            target: 'preempting',
            actions: { type: 'seen', params: ({ event }) => event.output },
          },
          {
            guard: { type: 'isRunOut', params: ({ event }) => event.output },
            target: 'preempting',
            actions: [
              { type: 'noteRunOut', params: ({ event }) => event.output },
              { type: 'seen', params: ({ event }) => event.output },
            ],
          },
          {
            target: 'watching',
            actions: [
              'forgetDead',
              { type: 'noteReading', params: ({ event }) => event.output },
              { type: 'watchHolder', params: ({ event }) => event.output },
              { type: 'seen', params: ({ event }) => event.output },
            ],
          },
        ],
        onError: {
          target: 'storeUnreachable',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'the lease could not be read; trying again',
              error: event.error,
            }),
          },
        },
      },
      // What the store was asked before the hint may be old news by now.
      on: { HINT: { target: 'looking', reenter: true } },
    },
    watching: {
      after: { nextLook: 'looking' },
      on: {
        HINT: [
          // To look first would take as long as to ask for it.
          { guard: { type: 'isLeftToMe', params: ({ event }) => event }, target: '#election.candidate' },
          {
            guard: { type: 'isTaken', params: ({ event }) => event },
            target: 'watching',
            reenter: true,
            actions: 'standAside',
          },
          { target: 'looking' },
        ],
      },
    },
    storeUnreachable: { after: { nextTry: 'looking' }, on: { HINT: 'looking' } },
    /** The leader's process is gone. A hint may say that somebody else was first: the next look tells. */
    preempting: { after: { stagger: '#election.candidate' }, on: { HINT: 'looking' } },
    /** What we do not trust in any more holds others up for as long as it is ours in the store. */
    releasingStale: {
      invoke: {
        src: 'release',
        input: ({ context: { me, acknowledgedTerm } }) => ({
          grant: grantOf(me, acknowledgedTerm),
          by: 'expired',
        }),
        onDone: 'coolingDown',
        onError: {
          target: 'storeUnreachable',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'the lease of a term that is over could not be given back; trying again',
              error: event.error,
            }),
          },
        },
      },
    },
    /** We have led: somebody else is to be first. */
    coolingDown: { after: { yield: 'looking' } },
  },
});
