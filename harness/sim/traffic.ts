/** Users: they change schedules through whichever replica they reach. */
import type { ScheduleStore } from '../../src/actors/schedules/scheduleStore.ts';
import { advanceBackfill } from '../../src/actors/runs/backfilling.ts';
import { backfillOf } from '../../src/domain/runs/backfill.ts';
import type { BackfillRequest } from '../../src/domain/runs/backfillRequest.ts';
import { cancelled } from '../../src/domain/runs/life.ts';
import { turnOf } from '../../src/domain/runs/outcome.ts';
import { OPEN_STATES } from '../../src/domain/runs/run.ts';
import { manualRun } from '../../src/domain/runs/request.ts';
import type { Policy } from '../../src/domain/schedules/policy.ts';
import {
  isUnderstood,
  type NotUnderstood,
  type Schedule,
  type ScheduleSpec,
  specOf,
} from '../../src/domain/schedules/schedule.ts';
import type { Rule } from '../../src/domain/timing/timing.ts';
import { DEFAULT_WORK } from '../definitions.ts';
import { EPOCH_MS } from './clock.ts';
import { CRON_STEPS } from './naive.ts';
import { NEEDS_NEWEST, NEWEST_VERSION } from './host.ts';
import type { SimProcess } from './process.ts';
import type { SeededRandom } from './random.ts';
import type { World } from './world.ts';

const IDS = ['a', 'b', 'c', 'd', 'e'];

type Answer = Schedule | NotUnderstood | null | 'conflict';

/** One request through a random replica. It may be answered late, or never. */
export function request(world: World, random: SeededRandom): void {
  const able = world.processes().filter(({ state }) => state === 'running' || state === 'frozen');
  if (able.length === 0) return;
  const process = random.pick(able);
  const id = random.pick(IDS);
  if (random.chance(0.12)) return void trigger(world, process, id, random);
  if (random.chance(0.08)) return void cancel(world, process, id, random);
  if (random.chance(0.07)) return void backfill(world, process, id, random);
  if (random.chance(0.02)) return void stepDown(world, process);
  const op = random.weighted(OPS);
  const to: Served = {
    all: process.store.schedules,
    nowMs: world.serverClock.now(),
    version: process.version,
  };
  void op.ask(to, id, random).then(
    (answer) => {
      const schedule = answer === null || answer === 'conflict' || !isUnderstood(answer) ? null : answer;
      const told = schedule === null ? JSON.stringify(answer) : `rev ${schedule.revision}`;
      world.trace.note(process.name, `answers ${op.name} ${id}: ${told}`);
      if (schedule !== null) world.oracle.acknowledged(op.name, schedule);
    },
    (error: Error) => world.trace.note(process.name, `answers ${op.name} ${id}: 503, ${error.message}`),
  );
  world.trace.note('user', `${op.name} ${id} by ${process.name}`);
}

/** A run by hand. */
async function trigger(world: World, process: SimProcess, id: string, random: SeededRandom): Promise<void> {
  const { trace, oracle } = world;
  const { schedules, runs } = process.store;
  trace.note('user', `trigger ${id} by ${process.name}`);
  try {
    const schedule = await schedules.get(id);
    if (schedule === null || !isUnderstood(schedule)) {
      return trace.note(process.name, `answers trigger ${id}: 404 or 409`);
    }
    const run = manualRun(
      schedule,
      process.replica.serverNowMs(),
      random.whole(0, 1e9).toString(36),
      random.chance(0.3),
    );
    if (!await runs.request(run)) return trace.note(process.name, `answers trigger ${id}: 404`);
    trace.note(process.name, `answers trigger ${id}: ${run.id}`);
    oracle.promised(run);
  } catch (error) {
    trace.note(process.name, `answers trigger ${id}: 503, ${(error as Error).message}`);
  }
}

/** Cancels one of the newest runs of a schedule, if it is open. */
async function cancel(world: World, process: SimProcess, id: string, random: SeededRandom): Promise<void> {
  const { trace } = world;
  const { runs } = process.store;
  try {
    const query = { scheduleId: id, states: OPEN_STATES, limit: 5, cursor: null };
    const { items } = await runs.list(query);
    if (items.length === 0) return;
    const run = random.pick(items);
    trace.note('user', `cancel ${run.id} by ${process.name}`);
    const at = new Date(Math.floor(process.replica.serverNowMs()));
    const changed = await runs.change([cancelled(run, 'requested', at)]);
    trace.note(process.name, `answers cancel ${run.id}: ${changed.length}`);
    const turn = turnOf(run);
    if (changed.length > 0 && turn !== null) await runs.passTurns([turn]);
  } catch (error) {
    trace.note(process.name, `answers cancel ${id}: 503, ${(error as Error).message}`);
  }
}

/** Runs what fell due in some seconds of the past. */
async function backfill(world: World, process: SimProcess, id: string, random: SeededRandom): Promise<void> {
  const { trace } = world;
  const { schedules, backfills } = process.store;
  trace.note('user', `backfill ${id} by ${process.name}`);
  try {
    const schedule = await schedules.get(id);
    if (schedule === null || !isUnderstood(schedule)) {
      return trace.note(process.name, `answers backfill ${id}: 404 or 409`);
    }
    const nowMs = process.replica.serverNowMs();
    const made = backfillOf(schedule, backfillRequest(random, nowMs), `b${random.whole(0, 1e9)}`, nowMs);
    const created = await backfills.create(made);
    trace.note(process.name, `answers backfill ${id}: ${created} ${made.id} (${made.total})`);
    if (created !== 'created') return;
    await advanceBackfill(backfills, made.id);
    if (random.chance(0.3)) await cancelBackfill(world, process, made.id);
  } catch (error) {
    trace.note(process.name, `answers backfill ${id}: 503, ${(error as Error).message}`);
  }
}

function backfillRequest(random: SeededRandom, nowMs: number): BackfillRequest {
  const toMs = Math.floor(nowMs) - (random.chance(0.3) ? 0 : random.whole(0, 8000));
  const overlap = random.chance(0.5) ? 'allow' : random.weighted(OVERLAPS).how;
  return {
    from: new Date(toMs - random.whole(1, 4000)),
    to: new Date(toMs),
    max_concurrent: overlap === 'allow' ? random.pick([1, 1, 2, 10]) : 1,
    overlap,
    again: random.chance(0.2),
    dry_run: false,
  };
}

async function cancelBackfill(world: World, process: SimProcess, id: string): Promise<void> {
  const { trace } = world;
  trace.note('user', `cancel ${id} by ${process.name}`);
  const found = await process.store.backfills.cancel(id);
  trace.note(process.name, `answers cancel ${id}: ${found !== null && 'isNew' in found && found.isNew}`);
}

async function stepDown(world: World, process: SimProcess): Promise<void> {
  world.trace.note('user', `step down by ${process.name}`);
  const answer = process.store.lease.read().then(({ lease }) =>
    process.store.lease.askToStepDown(lease.term)
  );
  await answer.then(
    (asked) => world.trace.note(process.name, `answers step down: ${asked}`),
    (error: Error) => world.trace.note(process.name, `answers step down: 503, ${error.message}`),
  );
}

/** The replica that takes the request. */
interface Served {
  all: ScheduleStore;
  /** Server time, epoch ms. */
  nowMs: number;
  version: number;
}

interface Op {
  name: string;
  weight: number;
  ask(to: Served, id: string, random: SeededRandom): Promise<Answer>;
}

const OPS: readonly Op[] = [
  { name: 'create', weight: 4, ask: (to, id, random) => to.all.create(id, spec(random, to)) },
  { name: 'replace', weight: 3, ask: (to, id, random) => to.all.replace(id, spec(random, to)) },
  {
    name: 'pause',
    weight: 1,
    ask: (to, id, random) =>
      edit(to.all, id, (present) => ({
        ...present,
        paused: true,
        ...(random.chance(0.5) && { pause_until: new Date(Math.floor(to.nowMs) + random.whole(0, 4000)) }),
      })),
  },
  {
    name: 'resume',
    weight: 2,
    ask: (to, id) =>
      edit(to.all, id, ({ pause_until: _, ...present }) => ({ ...present, paused: false } as ScheduleSpec)),
  },
  {
    name: 'rename',
    weight: 2,
    ask: (to, id, random) => edit(to.all, id, (present) => ({ ...present, name: `${random.whole(0, 9)}` })),
  },
  {
    name: 'set the policy of',
    weight: 1,
    ask: (to, id, random) => edit(to.all, id, (present) => ({ ...present, policy: policy(random) })),
  },
  { name: 'repeat', weight: 1, ask: (to, id) => edit(to.all, id, (present) => present) },
  { name: 'remove', weight: 2, ask: (to, id) => to.all.remove(id) },
  {
    name: 'recreate',
    weight: 1,
    async ask(to, id, random) {
      await to.all.remove(id);
      return await to.all.create(id, spec(random, to));
    },
  },
];

/** As PATCH does: read, change, and write on condition that the revision is unchanged. */
async function edit(
  all: ScheduleStore,
  id: string,
  change: (present: ScheduleSpec) => ScheduleSpec,
): Promise<Answer> {
  const present = await all.get(id);
  if (present === null || !isUnderstood(present)) return present;
  return await all.replace(id, change(specOf(present)), present.revision);
}

function spec(random: SeededRandom, { nowMs, version }: Served): ScheduleSpec {
  return {
    ...timing(random, nowMs),
    ...(random.chance(0.1) ? { start_at: new Date(Math.floor(nowMs) + random.whole(-2000, 4000)) } : {}),
    ...(random.chance(0.1) ? { end_at: new Date(Math.floor(nowMs) + random.whole(1000, 15_000)) } : {}),
    ...(random.chance(0.1) && { delete_after: random.pick(['0s', '3s']) }),
    ...(random.chance(0.1) && { max_runs: random.pick([1, 5, 30]) }),
    ...(random.chance(0.15) && { jitter: random.pick(['100ms', '2s']) }),
    paused: random.chance(0.05),
    ...(version === NEWEST_VERSION && random.chance(0.2) && { tags: NEEDS_NEWEST }),
    ...DEFAULT_WORK,
    policy: policy(random),
  };
}

function policy(random: SeededRandom): Policy {
  return {
    catch_up: random.weighted(CATCH_UPS).how,
    catch_up_window: random.weighted(WINDOWS).how,
    on_executor_loss: random.chance(0.2) ? 'abandon' : 'retry',
    overlap: random.weighted(OVERLAPS).how,
    timeout: random.chance(0.2) ? '2s' : '30s',
    retry: {
      max_attempts: random.pick([1, 1, 2, 4]),
      initial_backoff: random.pick(['0s', '100ms', '2s']),
      multiplier: random.pick([1, 2]),
      max_backoff: random.pick(['1s', '5s']),
    },
    pause_after_failures: random.chance(0.1) ? random.pick([1, 3]) : null,
  };
}

const OVERLAPS = [
  { how: 'allow', weight: 4 },
  { how: 'skip', weight: 2 },
  { how: 'queue', weight: 2 },
  { how: 'replace', weight: 2 },
] as const;
const CATCH_UPS = [
  { how: 'all', weight: 6 },
  { how: 'latest', weight: 2 },
  { how: 'none', weight: 1 },
] as const;
const WINDOWS = [
  { how: '60s', weight: 5 },
  { how: '5s', weight: 2 },
  { how: '1s', weight: 1 },
  { how: '20ms', weight: 1 },
  { how: '0s', weight: 2 },
] as const;

function timing(random: SeededRandom, nowMs: number): Rule {
  const kind = random.next();
  if (kind < 0.6) {
    return { type: 'duration', definition: { interval: `${random.pick([130, 300, 700, 1000, 2500])}ms` } };
  }
  if (kind < 0.8) {
    const cron_expression = random.pick(Object.keys(CRON_STEPS));
    return { type: 'cron', definition: { cron_expression, timezone: 'UTC' } };
  }
  const first = Math.floor(nowMs - EPOCH_MS) + random.whole(-1000, 3000);
  const times = [0, 1, 2, 3].map((k) => new Date(EPOCH_MS + first + k * random.whole(1, 2000)));
  const ascending = [...new Set(times.map(Number))].sort((a, b) => a - b);
  return { type: 'at_times', definition: { times: ascending.map((ms) => new Date(ms)) } };
}
