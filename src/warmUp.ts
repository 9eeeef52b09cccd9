/**
 * The warm-up: after the process starts, a second replica leads in it briefly, alone, over an
 * in-memory store, and fires a schedule. Otherwise most of the code would first run, and be compiled,
 * during a takeover, when the cluster waits for it.
 */
import type { ActionAttempt } from './actors/runs/execute.ts';
import type { Clock, Random } from './actors/shared/environment.ts';
import type { LogAction } from './domain/actions/logAction.ts';
import { parseScheduleSpec } from './domain/schedules/spec.ts';
import { logAction } from './infra/actions/logAction.ts';
import { jsonLogger } from './infra/log/log.ts';
import { memoryDatabase } from './infra/memory/store.ts';
import { assembleReplica } from './replica.ts';

const RUNS = 30;
const SCHEDULE = { type: 'duration', definition: { interval: '10ms' } };
const LEASE = { durationMs: 3000, retryMs: 300, marginMs: 500 };

/** Resolves when the warm-up is over, after about 300 ms. */
export async function warmUp(clock: Clock, random: Random): Promise<void> {
  const store = memoryDatabase({ clock }).connect();
  const logger = jsonLogger({ level: 'info', replica: 'warm-up', clock, write: () => {} });
  const log = logAction({ logger, clock, random });
  let runs = 0;
  let enough = () => {};
  const played = new Promise<void>((resolve) => enough = resolve);
  const replica = assembleReplica({
    store,
    clock,
    random,
    logger,
    execute(attempt, signal) {
      if (++runs === RUNS) enough();
      return log(attempt as ActionAttempt<LogAction>, signal);
    },
    peers: { heir: () => null, watch: () => () => {} },
    identity: { id: 'warm-up', boot: random.uuid(), address: 'http://warm-up', version: '0' },
    lease: LEASE,
    graceMs: 1000,
    maxRuns: 100,
    standbyExecutes: true,
  });
  const parsed = parseScheduleSpec(SCHEDULE);
  if (!parsed.ok) throw new Error('The schedule of the warm-up is not sound.');
  await store.prepare();
  await store.schedules.create('warm-up', parsed.spec);
  replica.start();
  await played;
  await replica.stop();
  await store.close();
}
