/**
 * Adoption: runs whose executor died are made ours, or ended, by their schedule's policy (G7). So are runs that
 * somebody asked for, which have no executor yet. One per replica, and at work only while the replica leads.
 *
 *   idle ──won the lease──▶ holdingBack ──▶ looking ──orphans──▶ adopting ──answered──▶ resting, or looking for more
 *                                           ▲    │                │    ▲
 *                                           │  none, no answer    no answer
 *                                           │    ▼                ▼    │
 *                                           └─ resting         unanswered
 *                                             (looking again at once when a run is requested)
 *
 * A requested run is in the store when its request is answered, and begins when the leader sees it: told by a
 * hint (`LEASE.REQUESTED`), or at the next look. Nobody has to be dead for that.
 *
 * An executor is taken for dead when it has not been seen for `DEAD_AFTER_MS` of server time, while the
 * store answered us all that time. The second half matters: while a store is away nobody is seen, and
 * whoever finds it back first would take the living for dead. So our own watch has to have lasted as long,
 * with an answer every second or so; an answer that is late or missing makes it begin anew. The watch is counted on
 * our monotonic clock, and begins anew when the server's clock was set, either way: what that clock said of the
 * living before is void. It also means
 * that no run is adopted within `DEAD_AFTER_MS` of its claim by another leader: the watch began after that
 * leadership was over. That is why a run that starts well within that time need not ask whether it is still
 * ours (run.ts).
 *
 * Five seconds are five heartbeats (presence.ts). One may be lost with a connection that breaks, which
 * takes the driver some seconds to find out; a few more with a busy machine or a change of the store's
 * primary. Who is adopted in error is disturbed, not harmed: the attempt is made twice, under one delivery
 * id, and one counts.
 *
 * Each adoption is a compare-and-set on the attempt and the executor as they were found. An adoption
 * without an answer may have been made: the very same one is repeated until it is answered, leader or not,
 * since what is ours is ours to execute. Only what the store has answered is handed to the jobs.
 *
 * The lease may be lost, or be about to be given back, at any moment: then nothing more is looked for, and nothing is
 * decided without trust in the lease. An adoption of two leaders at a time is harmless: one of them finds nothing as
 * it was.
 *
 * Can never happen: a run adopted from an executor that is seen; one that is held by us and that no job
 * knows of; two adoptions under way at once.
 */
import { assign, fromPromise, not, setup } from 'xstate';
import { type Adopted, type Adopter, type Adoption, adoptionOf } from '../../domain/runs/adoption.ts';
import type { DueQueue } from '../../domain/firing/dueQueue.ts';
import type { Grant } from '../../domain/leadership/lease.ts';
import { isUnassigned, type Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import type { LeaseEvent } from '../leadership/electionEvents.ts';
import { HEAD_START_MS } from '../leadership/headStart.ts';
import type { JobPool } from './jobs.ts';
import { unfilled } from '../shared/slot.ts';

/** How long an executor must not have been seen, and we must have been watching. */
export const DEAD_AFTER_MS = 5000;
/** Runs in one adoption at most (G9). */
export const MAX_ADOPTED = 500;
/** A watch with a longer time than this between two answers has been interrupted. */
const LONGEST_GAP_MS = 2000;
/** And one in which the server's clock has moved by so much more, or less, than ours. */
const CLOCK_STEP_MS = 1000;

export interface AdoptionInput {
  queue: DueQueue;
  jobs: JobPool;
  replica: string;
  boot: string;
  /** Server time, epoch ms. */
  serverNowMs: () => number;
  monotonicMs: () => number;
  /** Whether the replica may still act under its lease. */
  isTrusted: () => boolean;
}

/** What a look has found. */
export interface Sighting {
  orphans: Run[];
  /** The schedules among theirs that the store does not have. */
  gone: ReadonlySet<string>;
}

interface Plan {
  adoptions: Adoption[];
  by: Adopter;
  /** Under which definitions they are executed, also if one is deleted before the store has answered. */
  schedules: ReadonlyMap<string, Schedule>;
  /** There may be more orphans than these. */
  more: boolean;
  /** When it was made; monotonic. */
  decidedMs: number;
}

/** Since when the store has answered every look, and when it did last; monotonic. */
interface Watch {
  sinceMs: number;
  answeredMs: number;
  /** Server time less monotonic time when it began. */
  serverAheadMs: number;
}

interface Context extends AdoptionInput {
  grant: Grant | null;
  /** A run was requested after the last look began. */
  requested: boolean;
  watch: Watch | null;
  plan: Plan;
}

const NOTHING: Plan = {
  adoptions: [],
  by: { replica: '', boot: '', term: 0 },
  schedules: new Map(),
  more: false,
  decidedMs: -Infinity,
};

export const adoptionMachine = setup({
  types: { context: {} as Context, input: {} as AdoptionInput, events: {} as LeaseEvent },
  actors: {
    /**
     * Open runs of executors, other than us, that were not seen for `DEAD_AFTER_MS`. Of the schedules that
     * the mirror does not have the store is asked: a mirror may be behind, and told old news again. When somebody
     * seems to be dead, the server's clock is looked at afterwards.
     */
    look: fromPromise<Sighting, { boot: string; knows: (scheduleId: string) => boolean }>(
      unfilled('adoption', 'look'),
    ),
    /** Makes the adoptions, and answers with what has come of them. Repeated after an error. */
    adopt: fromPromise<Adopted, { adoptions: readonly Adoption[]; by: Adopter }>(
      unfilled('adoption', 'adopt'),
    ),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('adoption', 'report')(),
    /** Told after each adoption what has come of it, for logs and metrics. `requested`: by users, of the runs. */
    adopted: (_, _params: Adopted & { requested: number }) => unfilled('adoption', 'adopted')(),
    begin: assign({
      grant: ({ context, event }) => event.type === 'LEASE.WON' ? event.grant : context.grant,
      watch: null,
    }),
    lose: assign({ grant: null }),
    watchOn: assign({ watch: ({ context }) => watchedOn(context) }),
    interruptWatch: assign({ watch: null }),
    noteRequest: assign({ requested: true }),
    answerRequests: assign({ requested: false }),
    decide: assign({ plan: ({ context }, sighting: Sighting) => planOf(context, sighting) }),
    handOver: ({ context: { jobs, plan } }, { runs }: { runs: Run[] }) => {
      for (const run of runs) {
        jobs.adopted(plan.schedules.get(run.schedule_id) as Schedule, [run], plan.decidedMs);
      }
    },
  },
  guards: {
    leads: ({ context }) => context.grant !== null,
    isRequested: ({ context }) => context.requested,
    hasPlan: ({ context }) => context.plan.adoptions.length > 0,
    mayBeMore: ({ context }) => context.plan.more,
  },
  delays: { headStart: HEAD_START_MS, interval: 1000, retry: 200 },
}).createMachine({
  id: 'adoption',
  context: ({ input }) => ({ ...input, grant: null, requested: false, watch: null, plan: NOTHING }),
  initial: 'idle',
  on: {
    'LEASE.WON': { actions: 'begin' },
    'LEASE.LOST': { actions: 'lose' },
    'LEASE.ENDING': { actions: 'lose' },
    'LEASE.REQUESTED': { actions: 'noteRequest' },
  },
  states: {
    idle: { always: { guard: 'leads', target: 'holdingBack' } },
    /** What fell due while nobody led is claimed first. */
    holdingBack: { always: { guard: not('leads'), target: 'idle' }, after: { headStart: 'looking' } },
    looking: {
      entry: 'answerRequests',
      always: { guard: not('leads'), target: 'idle' },
      invoke: {
        src: 'look',
        input: ({ context: { boot, queue } }) => ({ boot, knows: (id) => queue.get(id) !== undefined }),
        onDone: {
          target: 'deciding',
          actions: ['watchOn', { type: 'decide', params: ({ event }) => event.output }],
        },
        onError: {
          target: 'resting',
          actions: [
            'interruptWatch',
            {
              type: 'report',
              params: ({ event }) => ({
                message: 'orphaned runs could not be looked for; trying again',
                error: event.error,
              }),
            },
          ],
        },
      },
    },
    deciding: { always: [{ guard: 'hasPlan', target: 'adopting' }, { target: 'resting' }] },
    adopting: {
      invoke: {
        src: 'adopt',
        input: ({ context: { plan } }) => ({ adoptions: plan.adoptions, by: plan.by }),
        onDone: [
          {
            guard: 'mayBeMore',
            target: 'looking',
            actions: [
              { type: 'handOver', params: ({ event }) => event.output },
              { type: 'adopted', params: ({ context, event }) => told(context, event.output) },
            ],
          },
          {
            target: 'resting',
            actions: [
              { type: 'handOver', params: ({ event }) => event.output },
              { type: 'adopted', params: ({ context, event }) => told(context, event.output) },
            ],
          },
        ],
        onError: {
          target: 'unanswered',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'an adoption of runs got no answer; making it again',
              error: event.error,
            }),
          },
        },
      },
    },
    unanswered: { after: { retry: 'adopting' } },
    resting: {
      always: [{ guard: not('leads'), target: 'idle' }, { guard: 'isRequested', target: 'looking' }],
      after: { interval: 'looking' },
    },
  },
});

function watchedOn({ watch, serverNowMs, monotonicMs }: Context): Watch {
  const answeredMs = monotonicMs();
  const serverAheadMs = serverNowMs() - answeredMs;
  const goesOn = watch !== null && answeredMs - watch.answeredMs <= LONGEST_GAP_MS &&
    Math.abs(serverAheadMs - watch.serverAheadMs) <= CLOCK_STEP_MS;
  return goesOn ? { ...watch, answeredMs } : { sinceMs: answeredMs, answeredMs, serverAheadMs };
}

function planOf(context: Context, { orphans, gone }: Sighting): Plan {
  const { watch, queue, replica, boot, grant, serverNowMs, monotonicMs, isTrusted } = context;
  const nowMs = Math.floor(serverNowMs());
  if (watch === null || grant === null || !isTrusted()) return NOTHING;
  const knowsWhoLives = watch.answeredMs - watch.sinceMs >= DEAD_AFTER_MS;
  const schedules = new Map<string, Schedule>();
  const adoptions = orphans.flatMap((run) => {
    if (!isUnassigned(run) && !knowsWhoLives) return [];
    const schedule = queue.get(run.schedule_id)?.schedule;
    if (schedule !== undefined) schedules.set(schedule.id, schedule);
    return adoptionOf(run, schedule, gone.has(run.schedule_id), nowMs) ?? [];
  });
  const by = { replica, boot, term: grant.term };
  const more = adoptions.length > 0 && orphans.length >= MAX_ADOPTED;
  return { adoptions, by, schedules, more, decidedMs: monotonicMs() };
}

function told({ plan }: Context, done: Adopted) {
  const asked = new Set(plan.adoptions.filter(({ run }) => isUnassigned(run)).map(({ run }) => run.id));
  return { ...done, requested: done.runs.filter(({ id }) => asked.has(id)).length };
}
