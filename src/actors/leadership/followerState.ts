/** The follower part of the election: reads the lease, and watches the leader's process. */
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
            guard: { type: 'isOwnStale', params: ({ event }) => event.output },
            target: 'releasingStale',
            actions: ['forgetDead', { type: 'seen', params: ({ event }) => event.output }],
          },
          {
            // A pre-emption failed, although no other replica acquired the lease.
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
              message: 'the lease could not be read; retrying',
              error: event.error,
            }),
          },
        },
      },
      // A read sent before the hint may be stale by now.
      on: { HINT: { target: 'looking', reenter: true } },
    },
    watching: {
      after: { nextLook: 'looking' },
      on: {
        HINT: [
          // A read would take as long as the acquisition.
          { guard: { type: 'isLeftToMe', params: ({ event }) => event }, target: '#election.candidate' },
          {
            guard: { type: 'isTaken', params: ({ event }) => event },
            target: 'watching',
            reenter: true,
            actions: 'holdBack',
          },
          { target: 'looking' },
        ],
      },
    },
    storeUnreachable: { after: { nextTry: 'looking' }, on: { HINT: 'looking' } },
    /** The leader's process is gone. A hint may mean that another replica was first: the next read shows. */
    preempting: { after: { stagger: '#election.candidate' }, on: { HINT: 'looking' } },
    /** A lease that we no longer trust blocks the others while the store names us. */
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
              message: 'the lease of an ended term could not be released; retrying',
              error: event.error,
            }),
          },
        },
      },
    },
    /** We have led: another replica goes first. */
    coolingDown: { after: { yield: 'looking' } },
  },
});
