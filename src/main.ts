/**
 * One replica as a process: reads the environment, wires the adapters, serves the API, and shuts down
 * cleanly on SIGTERM or SIGINT (G8).
 */
import { hostname, networkInterfaces } from 'node:os';
import process from 'node:process';
import packageJson from '../package.json' with { type: 'json' };
import type { Clock, Logger, Random } from './actors/shared/environment.ts';
import type { Store } from './actors/store.ts';
import { endOnException } from './crash.ts';
import { hostName, HostNames } from './domain/membership/hostNames.ts';
import { createApp } from './http/app.ts';
import { EventHub } from './http/events/hub.ts';
import { eventRoutes } from './http/events/routes.ts';
import { type Inspection, inspection } from './http/operations/inspect.ts';
import { liveness } from './http/membership/liveness.ts';
import { metricsRoutes } from './http/operations/metrics.ts';
import { type HttpServer, serve } from './http/server/server.ts';
import { actionsOf } from './infra/runs/dispatch.ts';
import { logAction } from './infra/runs/logAction.ts';
import { systemClock } from './infra/machine/clock.ts';
import { type Config, MEMORY_URI, readConfig } from './infra/config.ts';
import { watchLoop } from './infra/machine/loopWatch.ts';
import { inCluster } from './infra/kubernetes/api.ts';
import { kubernetesNews } from './infra/kubernetes/news.ts';
import { memoryDatabase } from './infra/memory/store.ts';
import { inTurns } from './infra/memory/shared/turns.ts';
import { openMetrics } from './infra/metrics/metrics.ts';
import { mongoStore } from './infra/mongo/store.ts';
import { notUnderstoodLog } from './infra/shared/notUnderstood.ts';
import { observedStore } from './infra/shared/observedStore.ts';
import { outsideHost } from './infra/membership/outsideHost.ts';
import { membership } from './infra/membership/membership.ts';
import { type HttpPeers, httpPeers } from './infra/membership/peers.ts';
import { systemRandom } from './infra/machine/random.ts';
import { type StandardLog, standardLog } from './infra/log/standardLog.ts';
import { writeLastMessage } from './infra/log/stdio.ts';
import { storeTroubleLog } from './infra/shared/storeTrouble.ts';
import { warmUp } from './warmUp.ts';
import { assembleReplica } from './replica.ts';

const EXIT_BAD_CONFIG = 2;
/** Limit for flushing the log before the exit, ms. */
const LAST_LINES_MS = 1_000;
/** Limit for the last report to Kubernetes before the exit, ms. */
const LAST_NEWS_MS = 1_000;

/** Dependencies of the functions below. */
interface Base {
  config: Config;
  clock: Clock;
  random: Random;
  logger: Logger;
  identity: { id: string; boot: string; address: string; version: string };
}

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
  const parts = await assembled(base, metrics);
  const vitals = () => ({ ...parts.replica.vitals(), ...parts.members.vitals() });
  crash.before(parts.replica.abandon);
  const server = await listening(base, metrics, parts);
  watchLoop(clock, logger, metrics.loop);
  parts.replica.start();
  parts.members.start();
  warmUp(clock, random).catch((error: Error) => logger.warn('the warm-up failed', { error }));

  const signal = await askedToStop();
  logger.info('stopping', { signal });
  await stopped(parts, server);
  logger.info('stopped');
}

type Metrics = ReturnType<typeof openMetrics>;
type Parts = Awaited<ReturnType<typeof assembled>>;

/** The replica and its parts, not started yet. */
async function assembled(base: Base, metrics: Metrics) {
  const { config, clock, random, logger, identity } = base;
  const store = openStore(base, metrics);
  const shown = inspection({ replica: identity, clock }, config.inspect.includes('sse'));
  const observers = await inspectors(config, shown, clock, logger);
  const kubernetes = kubernetesNews(() => inCluster(process.env), { podName: config.replica, clock, logger });
  const members = membership({
    list: store.presence.list,
    clock,
    logger,
    me: identity,
    lease: config.lease,
    peers: (): HttpPeers => peers,
  });
  const connected = liveness({ replica: identity, clock, known: members.roster });
  const peers = httpPeers(clock, identity, connected.eldest);
  const replica = assembleReplica({
    ...{ store, clock, random, logger, identity, peers },
    execute: actionsOf({ log: logAction(logger) }),
    warnings: members.warnings,
    lease: config.lease,
    graceMs: config.graceMs,
    inspect: observers.length === 0 ? undefined : (event) => observers.forEach((each) => each(event)),
    observer: {
      ...metrics.replica,
      election(news) {
        metrics.replica.election(news);
        kubernetes.publish(news);
      },
    },
  });
  const { serverNowMs } = replica;
  const events = new EventHub({ events: store.events, clock, logger, serverNowMs, replica: identity });
  return { store, shown, kubernetes, members, connected, replica, events };
}

/** The configured store, with its calls counted and its errors logged. */
function openStore({ config, clock, random, logger }: Base, metrics: Metrics): Store {
  const logTrouble = storeTroubleLog(logger, clock);
  const observed = (store: Store) =>
    observedStore(store, clock, {
      called: metrics.store.called,
      failed(operation, error) {
        metrics.store.failed(operation, error);
        logTrouble(operation, error);
      },
    });
  if (config.mongoUri === MEMORY_URI) {
    logger.warn(
      'the store is in memory: schedules and runs are gone when this process ends, and no other replica can share them',
    );
    return observed(memoryDatabase({ clock }).connect({ intercept: inTurns }));
  }
  return observed(mongoStore({
    ...{ uri: config.mongoUri, database: config.database, logger, clock, random },
    notUnderstood: notUnderstoodLog(logger, clock, metrics.store.notUnderstood),
  }));
}

/** Serves the API. */
async function listening(
  { config, clock, random, logger, identity }: Base,
  metrics: Metrics,
  { store, shown, connected, replica, events }: Parts,
): Promise<HttpServer> {
  const names = new HostNames({ names: config.hostNames, own: ownNames(config) });
  const app = createApp({
    ...{ store, clock, random, logger, replica: identity },
    serverNowMs: replica.serverNowMs,
    status: replica.status,
    holding: replica.holding,
    limits: config.limits,
    hosts: { names, doorSecret: config.doorSecret },
    answered: metrics.answered,
  }, [...connected.routes, ...metricsRoutes(metrics), ...eventRoutes(events), ...shown.routes]);
  const { host } = config;
  const server = await serve(app, { host, port: config.port, clock });
  names.listensAt(server.address);
  const { boot, version } = identity;
  logger.info('listening', { host, port: server.port, boot, version, pid: process.pid });
  if (config.hostIsDefault) {
    logger.info(
      `only ${host} is listened on; set HOST=0.0.0.0 to be reached from elsewhere (the API asks for no password)`,
    );
  }
  return server;
}

async function stopped(
  { events, shown, replica, connected, members, store, kubernetes }: Parts,
  server: HttpServer,
): Promise<void> {
  // At once: clients reconnect to another replica while this one drains.
  events.close();
  shown.close();
  await replica.stop();
  // Not earlier: the death of a draining process must be noticed.
  connected.goodbye();
  members.stop();
  await server.close();
  await store.close();
  await kubernetes.close(LAST_NEWS_MS);
}

/** The host name in ADDRESS. */
function ownNames({ address }: Config): string[] {
  const name = hostName(new URL(address).host);
  return name === null ? [] : [name];
}

/** Observers of the actors' events; none unless configured. */
async function inspectors(config: Config, shown: Inspection, clock: Clock, logger: Logger) {
  const observers: Inspection['observe'][] = [];
  if (config.inspect.includes('sse')) observers.push(shown.observe);
  if (config.inspect.includes('stately')) {
    const { statelyInspector } = await import('./infra/log/statelyInspector.ts');
    const { observe } = await statelyInspector({
      port: config.inspectPort,
      replica: config.replica,
      clock,
      logger,
    });
    observers.push(observe);
  }
  return observers;
}

/** Resolves with the first signal. A second one exits the process at once. */
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
