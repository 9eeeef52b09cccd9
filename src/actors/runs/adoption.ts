/**
 * Adoption: runs whose executor died become ours, or end, by their schedule's policy (G7). So do
 * requested runs, which have no executor yet. One per replica, active only while the replica leads.
 *
 *   idle ──won the lease──▶ holdingBack ──▶ looking ──orphans──▶ adopting ──answered──▶ resting, or looking for more
 *                                           ▲    │                │    ▲
 *                                           │  none, no answer    no answer
 *                                           │    ▼                ▼    │
 *                                           └─ resting         unanswered
 *                                             (looking again at once when a run is requested)
 *
 * A requested run is stored when its request is answered, and begins when the leader sees it: by a
 * hint (`LEASE.REQUESTED`), or at the next look. That needs no dead executor.
 *
 * An executor counts as dead when it has not been seen for `DEAD_AFTER_MS` of server time, while the
 * store answered us throughout. The second half matters: during an outage of the store no executor is
 * seen, and the first replica to reconnect would take live ones for dead. So our own watch must have
 * lasted as long, with an answer every second or so; a late or missing answer restarts it. The watch
 * runs on our monotonic clock, and restarts when the server's clock was set, either way: earlier
 * sightings by that clock are void. It also means that no run is adopted within `DEAD_AFTER_MS` of
 * its claim by another leader: the watch began after that leadership was over. That is why a run that
 * starts well within that time need not confirm that it is still ours (run.ts).
 *
 * Five seconds are five heartbeats (presence.ts). A broken connection may cost one, which the driver
 * takes some seconds to notice; a busy machine or a change of the store's primary may cost a few
 * more. An erroneous adoption disturbs, but does no harm: the attempt is made twice, under one
 * delivery id, and one counts.
 *
 * Each adoption is a compare-and-set on the attempt and the executor as found. An adoption without an
 * answer may have taken effect: it is repeated unchanged until answered, leader or not, since our
 * runs are ours to execute. Only runs in the store's answer go to the jobs.
 *
 * The lease may be lost, or about to be released, at any moment: then the search ends, and nothing is
 * decided outside the trust window. Concurrent adoptions by two leaders are harmless: one
 * compare-and-set fails.
 *
 * Can never happen: a run adopted from an executor that is seen; a run held by us that no job knows
 * of; two adoptions in flight at once.
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

/** How long an executor must be unseen, and our watch must have lasted, ms. */
export const DEAD_AFTER_MS = 5000;
/** Runs in one adoption, at most (G9). */
export const MAX_ADOPTED = 500;
/** A longer gap between two answers restarts the watch, ms. */
const LONGEST_GAP_MS = 2000;
/** So does a server's clock that moved by this much more, or less, than ours, ms. */
const CLOCK_STEP_MS = 1000;

export interface AdoptionInput {
  queue: DueQueue;
  jobs: JobPool;
  replica: string;
  boot: string;
  /** Server time, epoch ms. */
  serverNowMs: () => number;
  monotonicMs: () => number;
  /** When the server's clock was last found to have been set, monotonic ms; -Infinity if never. */
  clockSetMs: () => number;
  /** Whether the trust window is open. */
  isTrusted: () => boolean;
}

/** What a look has found. */
export interface SearchResult {
  orphans: Run[];
  /** Those of their schedules that the store does not have. */
  gone: ReadonlySet<string>;
}

interface Plan {
  adoptions: Adoption[];
  by: Adopter;
  /** The definitions to execute, even if one is deleted before the store answers. */
  schedules: ReadonlyMap<string, Schedule>;
  /** There may be more orphans than these. */
  more: boolean;
  /** When the plan was made; monotonic, ms. */
  decidedMs: number;
}

/** Since when the store has answered every look, and its last answer; monotonic, ms. */
interface Watch {
  sinceMs: number;
  answeredMs: number;
  /** Server time minus monotonic time when the watch began, ms. */
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
     * Open runs of other executors that were not seen for `DEAD_AFTER_MS`. Looks up schedules that
     * the mirror lacks in the store: a mirror may lag, or receive old changes again. When an executor
     * seems dead, samples the server's clock afterwards.
     */
    look: fromPromise<SearchResult, { boot: string; knows: (scheduleId: string) => boolean }>(
      unfilled('adoption', 'look'),
    ),
    /** Makes the adoptions, and returns their results. Repeated after an error. */
    adopt: fromPromise<Adopted, { adoptions: readonly Adoption[]; by: Adopter }>(
      unfilled('adoption', 'adopt'),
    ),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('adoption', 'report')(),
    /** The results of each adoption, for logs and metrics. `requested`: how many runs users requested. */
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
    decide: assign({ plan: ({ context }, found: SearchResult) => planOf(context, found) }),
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
    /** What fell due without a leader is claimed first. */
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
                message: 'orphaned runs could not be searched for; retrying',
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
              message: 'an adoption of runs got no answer; repeating it',
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

function watchedOn({ watch, serverNowMs, monotonicMs, clockSetMs }: Context): Watch {
  const answeredMs = monotonicMs();
  const serverAheadMs = serverNowMs() - answeredMs;
  const goesOn = watch !== null && answeredMs - watch.answeredMs <= LONGEST_GAP_MS &&
    // Set back and forth between two answers, the clock shows no difference: a heartbeat in between is void.
    clockSetMs() <= watch.sinceMs && Math.abs(serverAheadMs - watch.serverAheadMs) <= CLOCK_STEP_MS;
  return goesOn ? { ...watch, answeredMs } : { sinceMs: answeredMs, answeredMs, serverAheadMs };
}

function planOf(context: Context, { orphans, gone }: SearchResult): Plan {
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
