/**
 * One replica as a process: reads the environment, runs the replica, and shuts down cleanly on SIGTERM or
 * SIGINT (G8).
 */
import { hostname, networkInterfaces } from 'node:os';
import process from 'node:process';
import packageJson from '../package.json' with { type: 'json' };
import type { Clock } from './actors/shared/environment.ts';
import { endOnException } from './crash.ts';
import { type Config, readConfig } from './infra/config.ts';
import { type StandardLog, standardLog } from './infra/log/standardLog.ts';
import { writeLastMessage } from './infra/log/stdio.ts';
import { systemClock } from './infra/machine/clock.ts';
import { watchLoop } from './infra/machine/loopWatch.ts';
import { systemRandom } from './infra/machine/random.ts';
import { outsideHost } from './infra/membership/outsideHost.ts';
import { openMetrics } from './infra/metrics/metrics.ts';
import { type Base, createParts, serveApi, stopParts } from './replicaProcess.ts';
import { warmUp } from './warmUp.ts';

const EXIT_BAD_CONFIG = 2;
/** Limit for flushing the log before the exit, ms. */
const LAST_LINES_MS = 1_000;

async function run(config: Config, clock: Clock, { logger, losses }: StandardLog): Promise<void> {
  // Errors are logged by message. Mapping each to its TypeScript line takes tens of milliseconds,
  // just when connections break and a takeover must be quick.
  process.setSourceMapsEnabled?.(false);
  const random = systemRandom();
  const crash = endOnException(logger, clock);
  const { replica: id, address } = config;
  const identity = { id, boot: random.uuid(), address, version: packageJson.version };
  const base: Base = { config, clock, random, logger, identity };
  const metrics = openMetrics(identity.version, () => vitals(), losses, config.limits);
  const parts = await createParts(base, metrics);
  const vitals = () => ({ ...parts.replica.vitals(), ...parts.members.vitals() });
  crash.before(parts.replica.abandon);
  const server = await serveApi(base, metrics, parts);
  watchLoop(clock, logger, metrics.loop);
  parts.replica.start();
  parts.members.start();
  warmUp(clock, random).catch((error: Error) => logger.warn('the warm-up failed', { error }));

  const signal = await firstSignal();
  logger.info('stopping', { signal });
  await stopParts(parts, server);
  logger.info('stopped');
}

/** Resolves with the first signal. A second one exits the process at once. */
function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    let signals = 0;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (signals++ === 0) resolve(signal);
        else process.exit(signal === 'SIGTERM' ? 143 : 130);
      });
    }
  });
}

const read = readConfig(process.env, hostname(), outsideHost(networkInterfaces(), hostname()));
if ('problems' in read) {
  await writeLastMessage(read.problems.map((problem) => `hascheduler: ${problem}\n`).join(''));
  process.exit(EXIT_BAD_CONFIG);
}
const clock = systemClock();
const log = standardLog({ level: read.config.logLevel, replica: read.config.replica, clock });
try {
  await run(read.config, clock, log);
  await log.flush(LAST_LINES_MS);
  process.exit(0);
} catch (error) {
  await log.flush(LAST_LINES_MS);
  await writeLastMessage(`hascheduler: ${(error as Error).message}\n`);
  process.exit(1);
}
