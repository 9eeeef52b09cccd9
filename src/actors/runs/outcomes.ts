/**
 * The recorder of outcomes: writes how attempts ended, in batches.
 *
 *   idle ──OUTCOME──▶ gathering ──a moment later, or a full batch──▶ writing ──written──▶ idle, or gathering the next
 *                                                                     │
 *                                                                     └──no answer──▶ waiting ──▶ writing
 *
 * Writing an outcome is idempotent (it counts only while the run is open under that attempt), so a
 * write without an answer is retried without limit. The backlog is bounded: past `MAX_BACKLOG` the
 * oldest are dropped, with a report; their runs stay open in the store, as if this process had died
 * before it could write them.
 *
 * Can never happen: an outcome that is reported as written and isn't; two writes at once.
 */
import { assign, fromPromise, not, setup } from 'xstate';
import { lengthOf, oldest, put, type Queue, queueOf, withoutOldest } from '../../domain/shared/queue.ts';
import type { Outcome } from '../../domain/runs/run.ts';
import type { StopEvent } from '../shared/stopEvent.ts';
import { unfilled } from '../shared/slot.ts';

/** Outcomes in one write, at most (G9). */
export const MAX_WRITTEN = 500;
/** Backlog of outcomes while the store does not answer, at most (G9). */
export const MAX_BACKLOG = 20_000;

interface Context {
  /** Outcomes being written, or written without an answer. */
  batch: readonly Outcome[];
  /** Outcomes to write after the batch. */
  backlog: Queue<Outcome>;
  stopping: boolean;
}

const countOf = ({ batch, backlog }: Context) => batch.length + lengthOf(backlog);

export const outcomesMachine = setup({
  types: { context: {} as Context, events: {} as { type: 'OUTCOME'; outcome: Outcome } | StopEvent },
  actors: { write: fromPromise<number, { outcomes: readonly Outcome[] }>(unfilled('outcomes', 'write')) },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('outcomes', 'report')(),
    dropped: (_, _params: { outcome: Outcome }) => unfilled('outcomes', 'dropped')(),
    dropOldest: assign({ backlog: ({ context }) => withoutOldest(context.backlog, 1) }),
    keep: assign({
      backlog: ({ context }, { outcome }: { outcome: Outcome }) => put(context.backlog, outcome),
    }),
    /** Outcomes written without an answer are written again, with the backlog. */
    take: assign(({ context: { batch, backlog } }) => {
      const taken = oldest(backlog, MAX_WRITTEN - batch.length);
      return { batch: [...batch, ...taken], backlog: withoutOldest(backlog, taken.length) };
    }),
    forgetWritten: assign({ batch: [] }),
    noteStop: assign({ stopping: true }),
  },
  guards: {
    isEmpty: ({ context }) => countOf(context) === 0,
    isFull: ({ context }) => countOf(context) >= MAX_BACKLOG,
    isFullBatch: ({ context }) => countOf(context) >= MAX_WRITTEN,
    isStopping: ({ context }) => context.stopping,
  },
  delays: { gather: 5, retry: 200 },
}).createMachine({
  id: 'outcomes',
  context: () => ({ batch: [], backlog: queueOf<Outcome>([]), stopping: false }),
  initial: 'idle',
  on: {
    OUTCOME: [
      {
        guard: 'isFull',
        actions: [
          {
            type: 'dropped',
            params: ({ context }) => ({ outcome: oldest(context.backlog, 1)[0] as Outcome }),
          },
          'dropOldest',
          { type: 'keep', params: ({ event }) => event },
        ],
      },
      { actions: { type: 'keep', params: ({ event }) => event } },
    ],
    STOP: { actions: 'noteStop' },
  },
  states: {
    idle: {
      always: [{ guard: not('isEmpty'), target: 'gathering' }, { guard: 'isStopping', target: 'stopped' }],
    },
    gathering: {
      always: [{ guard: 'isFullBatch', target: 'writing' }, { guard: 'isStopping', target: 'writing' }],
      after: { gather: 'writing' },
    },
    writing: {
      entry: 'take',
      invoke: {
        src: 'write',
        input: ({ context }) => ({ outcomes: context.batch }),
        onDone: { target: 'idle', actions: 'forgetWritten' },
        onError: {
          target: 'waiting',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'outcomes could not be recorded; retrying',
              error: event.error,
            }),
          },
        },
      },
    },
    waiting: { after: { retry: 'writing' } },
    /** Everything is written. */
    stopped: { type: 'final' },
  },
});
