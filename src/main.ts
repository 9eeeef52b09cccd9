/**
 * One replica as a process: reads the environment, plugs the adapters in, serves the API, and stops cleanly
 * on SIGTERM or SIGINT (G8).
 */
import { hostname } from 'node:os';
import process from 'node:process';
import packageJson from '../package.json' with { type: 'json' };
import type { Clock, Logger, Random, Store } from './actors/ports.ts';
import { createApp } from './http/app.ts';
import { liveness } from './http/liveness.ts';
import { serve } from './http/server.ts';
import { logAction } from './infra/actions/log.ts';
import { systemClock } from './infra/clock.ts';
import { type Config, MEMORY_URI, readConfig } from './infra/config.ts';
import { inCluster } from './infra/kubernetes/api.ts';
import { kubernetesNews } from './infra/kubernetes/news.ts';
import { jsonLogger } from './infra/log.ts';
import { memoryDatabase } from './infra/memory/store.ts';
import { mongoStore } from './infra/mongo/store.ts';
import { httpPeers } from './infra/peers.ts';
import { systemRandom } from './infra/random.ts';
import { assembleReplica } from './replica.ts';

const EXIT_BAD_CONFIG = 2;
/** How long the end may wait for Kubernetes to have been told of it. */
const LAST_NEWS_MS = 1_000;

function openStore(config: Config, clock: Clock, random: Random, logger: Logger): Store {
  if (config.mongoUri !== MEMORY_URI) {
    return mongoStore({ uri: config.mongoUri, database: config.database, logger, clock, random });
  }
  logger.warn(
    'the store is in memory: schedules and runs are gone when this process ends, and no other replica can share them',
  );
  return memoryDatabase({ clock }).connect();
}

async function run(config: Config): Promise<void> {
  const clock = systemClock();
  const random = systemRandom();
  const write = (line: string) => void process.stdout.write(line);
  const logger = jsonLogger({ level: config.logLevel, replica: config.replica, clock, write });
  const identity = {
    id: config.replica,
    boot: random.uuid(),
    address: config.address,
    version: packageJson.version,
  };
  const store = openStore(config, clock, random, logger);
  const kubernetes = kubernetesNews(() => inCluster(process.env), { podName: config.replica, clock, logger });
  const replica = assembleReplica({
    store,
    clock,
    random,
    logger,
    identity,
    execute: logAction(logger),
    peers: httpPeers(clock),
    lease: config.lease,
    graceMs: config.graceMs,
    onElection: kubernetes.tell,
  });
  const peers = liveness({ replica: identity });
  const app = createApp({
    store,
    clock,
    random,
    logger,
    replica: identity,
    serverNowMs: replica.serverNowMs,
    status: replica.status,
  }, peers.routes);
  const server = await serve(app, { host: config.host, port: config.port, clock });
  logger.info('listening', {
    host: config.host,
    port: server.port,
    boot: identity.boot,
    version: identity.version,
    pid: process.pid,
  });
  if (config.hostIsDefault) {
    logger.info(
      `only ${config.host} is listened on; set HOST=0.0.0.0 to be reached from elsewhere (the API asks for no password)`,
    );
  }
  replica.start();

  const signal = await askedToStop();
  logger.info('stopping', { signal });
  await replica.stop();
  // Not before: a process that is killed while it drains is to be missed.
  peers.goodbye();
  await server.close();
  await store.close();
  await kubernetes.close(LAST_NEWS_MS);
  logger.info('stopped');
}

/** Resolves with the signal. A second one ends the process at once. */
function askedToStop(): Promise<string> {
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

const read = readConfig(process.env, hostname());
if ('problems' in read) {
  for (const problem of read.problems) process.stderr.write(`hascheduler: ${problem}\n`);
  process.exit(EXIT_BAD_CONFIG);
}
try {
  await run(read.config);
  process.exit(0);
} catch (error) {
  process.stderr.write(`hascheduler: ${(error as Error).message}\n`);
  process.exit(1);
}
