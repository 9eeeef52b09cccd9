/**
 * The whole life of a run, over all replicas and attempts: what it waits for, who acts on it, how it ends. A run
 * has no actor of this machine: most of its life it is a document, which survives any process, and one executor's
 * attempt of it is another machine (run.ts). This is the law that its document obeys. The transitions themselves
 * are domain/runs/life.ts, overlap.ts and outcome.ts; the simulation holds every change of every stored run to it.
 *
 *             ┌──────────── waiting ────────────┐
 *   due ─────▶│ for a place, its turn, its time │◀──RETRIED, HANDED_BACK, LOST──┐
 *    │        │ to replace, to retry            │──TAKEN──▶┌──── executing ───┐ │
 *    │        └───────────────┬─────────────────┘          │ attempting       ├─┘
 *    ├──CLAIMED───────────────┼───────────────────────────▶│ last, stopping   │
 *    └──SKIPPED, MISSED       └──CANCELLED, GAVE_WAY       └────────┬─────────┘
 *                                      ▼                            ▼
 *                              cancelled, skipped        succeeded, failed, …
 *
 * Only what waits for a place, for its time or to retry can be taken. The turn of what waits for the other runs of
 * its schedule comes when those have ended. An attempt that is the last, since its schedule was deleted, is
 * followed by no other one; one that is stopping is being aborted as well.
 *
 * Can never happen: a run that leaves an end; one that waits and has an executor; an attempt after the last one.
 */
import { setup } from 'xstate';
import type { Run, RunState, WaitingFor } from '../../domain/runs/run.ts';

export type LifeEvent = {
  type:
    /** By the leader: with a place, without one, delayed by jitter, behind other runs of its schedule, or not at all. */
    | ('CLAIMED' | 'UNPLACED' | 'DELAYED' | 'QUEUED' | 'REPLACING' | 'SKIPPED' | 'MISSED')
    /** By an executor. */
    | ('TAKEN' | 'STARTED' | 'HANDED_BACK' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'RETRIED' | 'STOPPED')
    /** The executor is dead: once more, or for good. */
    | ('LOST' | 'GIVEN_UP')
    /** The others have ended, or the next one needs its place. */
    | ('TURN' | 'GAVE_WAY')
    | ('CANCELLED' | 'SCHEDULE_DELETED');
};

export const lifeMachine = setup({ types: { events: {} as LifeEvent } }).createMachine({
  id: 'life',
  initial: 'due',
  states: {
    due: {
      on: {
        CLAIMED: 'executing',
        UNPLACED: 'waiting',
        DELAYED: 'waiting.forTime',
        QUEUED: 'waiting.forTurn',
        REPLACING: 'waiting.toReplace',
        SKIPPED: 'skipped',
        MISSED: 'missed',
      },
    },
    waiting: {
      initial: 'forPlace',
      on: { CANCELLED: 'cancelled', SCHEDULE_DELETED: 'cancelled', GAVE_WAY: 'skipped' },
      states: {
        forPlace: { on: { TAKEN: '#life.executing' } },
        forTurn: { on: { TURN: 'forPlace' } },
        toReplace: { on: { TURN: 'forPlace' } },
        forTime: { on: { TAKEN: '#life.executing' } },
        toRetry: { on: { TAKEN: '#life.executing' } },
      },
    },
    executing: {
      initial: 'attempting',
      on: { SUCCEEDED: 'succeeded', FAILED: 'failed', TIMED_OUT: 'timedOut' },
      states: {
        attempting: {
          initial: 'claimed',
          on: {
            RETRIED: '#life.waiting.toRetry',
            LOST: '#life.waiting',
            GIVEN_UP: '#life.abandoned',
            SCHEDULE_DELETED: 'last',
            CANCELLED: 'stopping',
          },
          states: {
            claimed: { on: { STARTED: 'running', HANDED_BACK: '#life.waiting' } },
            running: {},
          },
        },
        last: { on: { CANCELLED: 'stopping', HANDED_BACK: '#life.cancelled', GIVEN_UP: '#life.abandoned' } },
        stopping: { on: { STOPPED: '#life.cancelled' } },
      },
    },
    succeeded: { type: 'final' },
    failed: { type: 'final' },
    timedOut: { type: 'final' },
    cancelled: { type: 'final' },
    skipped: { type: 'final' },
    missed: { type: 'final' },
    abandoned: { type: 'final' },
  },
});

type Ended = Exclude<RunState, 'claimed' | 'running' | 'retrying'>;

const WAITING: Record<WaitingFor, string> = {
  place: 'waiting.forPlace',
  overlap: 'waiting.forTurn',
  jitter: 'waiting.forTime',
  retry: 'waiting.toRetry',
};

/** The machine's state of a run as it is stored. */
export function lifeStateOf(
  { state, waiting_for, overlap, is_last_attempt, reason }: Pick<
    Run,
    'state' | 'waiting_for' | 'overlap' | 'is_last_attempt' | 'reason'
  >,
): string {
  if (waiting_for !== null) {
    return waiting_for === 'overlap' && overlap === 'replace' ? 'waiting.toReplace' : WAITING[waiting_for];
  }
  switch (state) {
    case 'claimed':
    case 'running':
    case 'retrying':
      if (is_last_attempt) return reason === null ? 'executing.last' : 'executing.stopping';
      return `executing.attempting.${state === 'running' ? 'running' : 'claimed'}`;
    case 'timed_out':
      return 'timedOut';
    default:
      return state satisfies Ended;
  }
}
