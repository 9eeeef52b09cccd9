/** Users: they change schedules through whichever replica they reach. */
import type { ScheduleStore } from '../../src/actors/ports.ts';
import { requestedRun } from '../../src/domain/run.ts';
import {
  type Policy,
  type Schedule,
  type ScheduleSpec,
  specOf,
  type Timing,
} from '../../src/domain/schedule.ts';
import { EPOCH_MS } from './clock.ts';
import { CRON_STEPS } from './naive.ts';
import type { SimProcess } from './process.ts';
import type { SeededRandom } from './random.ts';
import type { World } from './world.ts';

const IDS = ['a', 'b', 'c', 'd', 'e'];

type Answer = Schedule | null | 'conflict';

/** One request through a random replica. It may be answered late, or never. */
export function request(world: World, random: SeededRandom): void {
  const able = world.processes().filter(({ state }) => state === 'running' || state === 'frozen');
  if (able.length === 0) return;
  const process = random.pick(able);
  const id = random.pick(IDS);
  if (random.chance(0.12)) return void trigger(world, process, id, random);
  if (random.chance(0.02)) return void stepDown(world, process);
  const op = random.weighted(OPS);
  const nowMs = world.clock.now();
  void op.ask(process.store.schedules, id, nowMs, random).then(
    (answer) => {
      const told = answer === null || answer === 'conflict' ? `${answer}` : `rev ${answer.revision}`;
      world.trace.note(process.name, `answers ${op.name} ${id}: ${told}`);
      if (answer !== null && answer !== 'conflict') world.oracle.acknowledged(op.name, answer);
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
    if (schedule === null) return trace.note(process.name, `answers trigger ${id}: 404`);
    const run = requestedRun(schedule, process.replica.serverNowMs(), random.whole(0, 1e9).toString(36));
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

interface Op {
  name: string;
  weight: number;
  ask(schedules: ScheduleStore, id: string, nowMs: number, random: SeededRandom): Promise<Answer>;
}

const OPS: readonly Op[] = [
  { name: 'create', weight: 4, ask: (all, id, nowMs, random) => all.create(id, spec(random, nowMs)) },
  { name: 'replace', weight: 3, ask: (all, id, nowMs, random) => all.replace(id, spec(random, nowMs)) },
  { name: 'pause', weight: 1, ask: (all, id) => edit(all, id, { paused: true }) },
  { name: 'resume', weight: 2, ask: (all, id) => edit(all, id, { paused: false }) },
  { name: 'remove', weight: 2, ask: (all, id) => all.remove(id) },
  {
    name: 'recreate',
    weight: 1,
    async ask(all, id, nowMs, random) {
      await all.remove(id);
      return await all.create(id, spec(random, nowMs));
    },
  },
];

/** As PATCH does: read, change, and write under the condition that nobody else has written. */
async function edit(all: ScheduleStore, id: string, change: { paused: boolean }): Promise<Answer> {
  const present = await all.get(id);
  if (present === null) return null;
  return await all.replace(id, { ...specOf(present), ...change }, present.revision);
}

function spec(random: SeededRandom, nowMs: number): ScheduleSpec {
  return {
    ...timing(random, nowMs),
    ...(random.chance(0.1) ? { start_at: new Date(Math.floor(nowMs) + random.whole(-2000, 4000)) } : {}),
    ...(random.chance(0.1) ? { end_at: new Date(Math.floor(nowMs) + random.whole(1000, 15_000)) } : {}),
    paused: random.chance(0.05),
    action: { type: 'log' },
    policy: policy(random),
    history: { success: '24h', failure: '168h' },
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

function timing(random: SeededRandom, nowMs: number): Timing {
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
