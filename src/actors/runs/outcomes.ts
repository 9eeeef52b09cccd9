/**
 * The recorder of outcomes: writes how attempts ended, and which ones go on, in batches.
 *
 *   idle ──OUTCOME, START──▶ gathering ──a moment later, or a full batch──▶ writing ──written──▶ idle, or gathering the next
 *                                                                     │
 *                                                                     └──no answer──▶ waiting ──▶ writing
 *
 * Writing an outcome is idempotent (it counts only while the run is open under that attempt), so a
 * write without an answer is retried without limit. The backlog is bounded by the executor's places: each
 * run keeps its own until its outcome is recorded, and nothing more begins when all are taken.
 *
 * Can never happen: an outcome that is reported as written and isn't; two writes at once.
 */
import { assign, fromPromise, not, setup } from 'xstate';
import { lengthOf, oldest, put, type Queue, queueOf, withoutOldest } from '../../domain/shared/queue.ts';
import type { AttemptStart, Outcome } from '../../domain/runs/outcome.ts';
import type { StopEvent } from '../shared/stopEvent.ts';
import { unfilled } from '../shared/slot.ts';

/** Outcomes in one write, at most (G9). */
export const MAX_WRITTEN = 500;

interface Context {
  /** Outcomes being written, or written without an answer. */
  batch: readonly Outcome[];
  /** The backlog behind the batch. */
  backlog: Queue<Outcome>;
  /** Attempts that go on, to be recorded with the next batch. */
  starts: readonly AttemptStart[];
  /** How many of them are being written. */
  writing: number;
  stopping: boolean;
}

const countOf = ({ batch, backlog, starts }: Context) => batch.length + lengthOf(backlog) + starts.length;

interface Batch {
  outcomes: readonly Outcome[];
  starts: readonly AttemptStart[];
}

export const outcomesMachine = setup({
  types: {
    context: {} as Context,
    events: {} as { type: 'OUTCOME'; outcome: Outcome } | { type: 'START'; start: AttemptStart } | StopEvent,
  },
  actors: { write: fromPromise<void, Batch>(unfilled('outcomes', 'write')) },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('outcomes', 'report')(),
    keep: assign({
      backlog: ({ context }, { outcome }: { outcome: Outcome }) => put(context.backlog, outcome),
    }),
    keepStart: assign({
      starts: ({ context }, { start }: { start: AttemptStart }) => [...context.starts, start],
    }),
    /** Outcomes written without an answer are written again, with the backlog. */
    take: assign(({ context: { batch, backlog } }) => {
      const taken = oldest(backlog, MAX_WRITTEN - batch.length);
      return { batch: [...batch, ...taken], backlog: withoutOldest(backlog, taken.length) };
    }),
    forgetWritten: assign(({ context }, { starts }: { starts: number }) => ({
      batch: [],
      starts: context.starts.slice(starts),
    })),
    noteStarts: assign({ writing: ({ context }) => context.starts.length }),
    noteStop: assign({ stopping: true }),
  },
  guards: {
    isEmpty: ({ context }) => countOf(context) === 0,
    isFullBatch: ({ context }) => countOf(context) >= MAX_WRITTEN,
    isStopping: ({ context }) => context.stopping,
  },
  delays: { gather: 5, retry: 200 },
}).createMachine({
  id: 'outcomes',
  context: () => ({ batch: [], backlog: queueOf<Outcome>([]), starts: [], writing: 0, stopping: false }),
  initial: 'idle',
  on: {
    OUTCOME: { actions: { type: 'keep', params: ({ event }) => event } },
    START: { actions: { type: 'keepStart', params: ({ event }) => event } },
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
      entry: ['take', 'noteStarts'],
      invoke: {
        src: 'write',
        input: ({ context }) => ({ outcomes: context.batch, starts: context.starts }),
        onDone: {
          target: 'idle',
          actions: { type: 'forgetWritten', params: ({ context }) => ({ starts: context.writing }) },
        },
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
