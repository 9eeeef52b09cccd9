/** Users: they change schedules through whichever replica they reach. */
import type { ScheduleStore } from '../../src/actors/schedules/scheduleStore.ts';
import { manualRun } from '../../src/domain/runs/run.ts';
import {
  isUnderstood,
  type NotUnderstood,
  type Policy,
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
    const run = manualRun(schedule, process.replica.serverNowMs(), random.whole(0, 1e9).toString(36));
    await runs.request(run);
    trace.note(process.name, `answers trigger ${id}: ${run.id}`);
    oracle.promised(run);
  } catch (error) {
    trace.note(process.name, `answers trigger ${id}: 503, ${(error as Error).message}`);
  }
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
    ask: (to, id) => edit(to.all, id, (present) => ({ ...present, paused: true })),
  },
  {
    name: 'resume',
    weight: 2,
    ask: (to, id) => edit(to.all, id, (present) => ({ ...present, paused: false })),
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
  };
}

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
