/**
 * The executor takes unowned runs that are available, and gives them to their jobs (G7). One per replica,
 * leader or not.
 *
 *   waiting ──there may be runs, and a place──▶ looking ──some──▶ taking ──answered──▶ waiting
 *      ▲                                          │                │   ▲
 *      ├────────────────none──────────────────────┘        no answer   │
 *      │                                                           ▼   │
 *      │                                                        unanswered
 *      └──STOP──▶ handingBack ⇄ notHandedBack ──▶ stopped        (in every state, after what is in flight)
 *
 * All runs that wait come this way: requests, retries, runs whose executor died, runs delayed by jitter, and
 * those that found no free place when they were claimed. The leader takes them as soon as they are available;
 * a standby takes what has been available for `STANDBY_HOLDS_MS`, so that ordinary runs stay with the leader,
 * and spill over when it is full.
 *
 * Hints (`RUNS.AVAILABLE`) and known times wake it; polling is authoritative. Each taking is a
 * compare-and-set. One without an answer may have taken effect: it is repeated until answered, since those
 * runs are ours to execute, and no other replica takes over the runs of one that lives.
 *
 * Places are taken before the runs are, fairly between schedules (places.ts), and freed when the end of the
 * run is recorded.
 *
 * Can never happen: an attempt before its run is available; more runs than places; a run held by us that no
 * job knows of.
 */
import { assign, fromPromise, setup } from 'xstate';
import { handedBack, taken } from '../../domain/runs/life.ts';
import { type Places, takePlaces } from '../../domain/runs/places.ts';
import { type OwnedRun, type Run } from '../../domain/runs/run.ts';
import type { LeaseEvent } from '../leadership/electionEvents.ts';
import type { StopEvent } from '../shared/stopEvent.ts';
import { unfilled } from '../shared/slot.ts';
import type { JobPool } from './jobs.ts';
import type { RunsEvent } from './runEvents.ts';
import type { Available } from './runStore.ts';

/** A standby leaves runs to the leader for so long, ms. */
export const STANDBY_HOLDS_MS = 250;
/** Runs taken at once, at most (G9). */
export const MAX_TAKEN = 500;
/** Longest wait between looks, ms. */
const LONGEST_WAIT_MS = 1000;

export interface ExecutorInput {
  places: Places;
  jobs: JobPool;
  replica: string;
  boot: string;
  /** Whether it executes while it does not lead. */
  standbyExecutes: boolean;
  /** Server time, epoch ms. */
  serverNowMs: () => number;
  monotonicMs: () => number;
}

interface Context extends ExecutorInput {
  leads: boolean;
  /** The next look, server time, epoch ms. */
  lookAtMs: number;
  /** Runs that the present look asks for, at most. */
  limit: number;
  /** Runs are available that found no place, or may be. */
  isFull: boolean;
  /** Runs with a place, being taken. */
  chosen: Run[];
  /** When the taking was decided; monotonic, ms. */
  decidedMs: number;
  stopping: boolean;
}

export const executorMachine = setup({
  types: {
    context: {} as Context,
    input: {} as ExecutorInput,
    events: {} as RunsEvent | LeaseEvent | StopEvent,
  },
  actors: {
    look: fromPromise<Available, { availableAt: Date; limit: number }>(unfilled('executor', 'look')),
    /** Takes the runs, and returns those that are ours now. Repeated after an error. */
    take: fromPromise<Run[], { changes: ReturnType<typeof taken>[] }>(unfilled('executor', 'take')),
    /** Returns runs that have not begun. */
    handBack: fromPromise<unknown, { changes: ReturnType<typeof handedBack>[] }>(
      unfilled('executor', 'handBack'),
    ),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('executor', 'report')(),
    begin: assign({ leads: true, lookAtMs: -Infinity }),
    end: assign({ leads: false }),
    noteStop: assign({ stopping: true }),
    lookSoon: assign({
      lookAtMs: ({ context }) => Math.min(context.lookAtMs, context.serverNowMs() + holdMs(context)),
    }),
    noteFreed: assign({
      lookAtMs: ({ context }) => context.isFull ? context.serverNowMs() : context.lookAtMs,
    }),
    beginLook: assign({
      lookAtMs: ({ context }) => context.serverNowMs() + LONGEST_WAIT_MS,
      limit: ({ context }) => Math.min(context.places.free, MAX_TAKEN),
    }),
    choose: assign(({ context }, { runs, nextAt }: Available) => {
      const { places, limit, monotonicMs } = context;
      const chosen = takePlaces(places, runs);
      const nextMs = nextAt === null ? Infinity : nextAt.getTime() + holdMs(context);
      const mayBeMore = runs.length >= limit;
      return {
        chosen,
        decidedMs: monotonicMs(),
        // A hint may have come meanwhile, and the answer be older.
        lookAtMs: mayBeMore && chosen.length > 0 ? -Infinity : Math.min(context.lookAtMs, nextMs),
        isFull: mayBeMore || chosen.length < runs.length,
      };
    }),
    handOver: ({ context: { jobs, places, chosen, decidedMs } }, { runs }: { runs: Run[] }) => {
      const ours = new Set(runs.map(({ id }) => id));
      for (const { id } of chosen) if (!ours.has(id)) places.release(id);
      for (const run of runs) jobs.taken(run as OwnedRun, decidedMs);
    },
    forgetChosen: assign({ chosen: [] }),
    freeChosen: ({ context: { places, chosen } }) => chosen.forEach(({ id }) => places.release(id)),
  },
  guards: {
    isStopping: ({ context }) => context.stopping,
    mayTake: ({ context }) => hasPlace(context) && context.lookAtMs <= context.serverNowMs(),
    hasChosen: ({ context }) => context.chosen.length > 0,
  },
  delays: {
    untilLook: ({ context }) => {
      // An event ends the wait for a place.
      if (!hasPlace(context)) return LONGEST_WAIT_MS;
      return Math.min(Math.max(Math.ceil(context.lookAtMs - context.serverNowMs()), 1), LONGEST_WAIT_MS);
    },
    retry: 200,
  },
}).createMachine({
  id: 'executor',
  context: ({ input }) => ({
    ...input,
    leads: false,
    lookAtMs: -Infinity,
    limit: 0,
    isFull: false,
    chosen: [],
    decidedMs: -Infinity,
    stopping: false,
  }),
  initial: 'waiting',
  on: {
    'RUNS.AVAILABLE': { actions: 'lookSoon' },
    'RUNS.FREED': { actions: 'noteFreed' },
    'LEASE.WON': { actions: 'begin' },
    'LEASE.LOST': { actions: 'end' },
    'LEASE.ENDING': { actions: 'end' },
    STOP: { actions: 'noteStop' },
  },
  states: {
    waiting: {
      always: [{ guard: 'isStopping', target: 'stopped' }, { guard: 'mayTake', target: 'looking' }],
      after: { untilLook: { target: 'waiting', reenter: true } },
      on: {
        // The next look may be earlier: restart the timer.
        'RUNS.AVAILABLE': { target: 'waiting', reenter: true, actions: 'lookSoon' },
        'RUNS.FREED': { target: 'waiting', reenter: true, actions: 'noteFreed' },
      },
    },
    looking: {
      entry: 'beginLook',
      invoke: {
        src: 'look',
        input: ({ context }) => ({
          availableAt: new Date(Math.floor(context.serverNowMs() - holdMs(context))),
          limit: context.limit,
        }),
        onDone: { target: 'choosing', actions: { type: 'choose', params: ({ event }) => event.output } },
        onError: {
          target: 'waiting',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'the search for runs to execute failed; retrying',
              error: event.error,
            }),
          },
        },
      },
    },
    choosing: { always: [{ guard: 'hasChosen', target: 'taking' }, { target: 'waiting' }] },
    taking: {
      invoke: {
        src: 'take',
        input: ({ context: { chosen, replica, boot } }) => ({
          changes: chosen.map((run) => taken(run, { replica, boot })),
        }),
        onDone: [
          {
            guard: 'isStopping',
            target: 'handingBack',
            actions: assign({ chosen: ({ event }) => event.output }),
          },
          {
            target: 'waiting',
            actions: [
              { type: 'handOver', params: ({ event }) => ({ runs: event.output }) },
              'forgetChosen',
            ],
          },
        ],
        onError: {
          target: 'unanswered',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'the taking of runs got no answer; repeating it',
              error: event.error,
            }),
          },
        },
      },
    },
    unanswered: { after: { retry: 'taking' } },
    handingBack: {
      invoke: {
        src: 'handBack',
        input: ({ context: { chosen, serverNowMs } }) => {
          const at = new Date(Math.floor(serverNowMs()));
          return { changes: chosen.map((run) => handedBack(run, at)) };
        },
        onDone: { target: 'stopped', actions: 'freeChosen' },
        onError: {
          target: 'notHandedBack',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'runs that have not begun could not be handed back; retrying',
              error: event.error,
            }),
          },
        },
      },
    },
    notHandedBack: { after: { retry: 'handingBack' } },
    /** Takes nothing more. */
    stopped: {},
  },
});

/** Whether it may take a run. */
function hasPlace({ leads, standbyExecutes, places }: Context): boolean {
  return (leads || standbyExecutes) && places.free > 0;
}

function holdMs({ leads }: Context): number {
  return leads ? 0 : STANDBY_HOLDS_MS;
}
