/** One replica with its adapters and its API: creates the parts, starts them, and stops them in order. */
import process from 'node:process';
import type { Clock, Logger, Random } from './actors/shared/environment.ts';
import { hostName, HostNames } from './domain/membership/hostNames.ts';
import { createApp } from './http/app.ts';
import { EventHub } from './http/events/hub.ts';
import { eventRoutes } from './http/events/routes.ts';
import { liveness } from './http/membership/liveness.ts';
import { inspection } from './http/operations/inspect.ts';
import { metricsRoutes } from './http/operations/metrics.ts';
import { type HttpServer, serve } from './http/server/server.ts';
import type { Config } from './infra/config.ts';
import { inCluster } from './infra/kubernetes/api.ts';
import { kubernetesNews } from './infra/kubernetes/news.ts';
import { membership } from './infra/membership/membership.ts';
import { type HttpPeers, httpPeers } from './infra/membership/peers.ts';
import type { openMetrics } from './infra/metrics/metrics.ts';
import { actionsOf } from './infra/actions/dispatch.ts';
import { httpSender } from './infra/actions/http/send.ts';
import { httpAction } from './infra/actions/httpAction.ts';
import { logAction } from './infra/actions/logAction.ts';
import { secretsFrom } from './infra/actions/secrets.ts';
import { inspectors } from './inspectors.ts';
import { openStore } from './openStore.ts';
import { assembleReplica, type Replica } from './replica.ts';

/** Limit for the last report to Kubernetes before the exit, ms. */
const LAST_NEWS_MS = 1_000;
/** Limit of the `http` action for look-up, connection and TLS handshake, ms. */
const CONNECT_WITHIN_MS = 10_000;

/** What all functions below depend on. */
export interface Base {
  config: Config;
  clock: Clock;
  random: Random;
  logger: Logger;
  identity: { id: string; boot: string; address: string; version: string };
}

export type Metrics = ReturnType<typeof openMetrics>;
export type Parts = Awaited<ReturnType<typeof createParts>>;

/** The replica and its parts, not started yet. */
export async function createParts(base: Base, metrics: Metrics) {
  const { config, clock, random, logger, identity } = base;
  const store = openStore(base, metrics.store);
  const inspected = inspection({ replica: identity, clock }, config.inspect.includes('sse'));
  const inspect = await inspectors(config, inspected, clock, logger);
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
  const sender = httpSender({ targets: config.targets, clock, connectMs: CONNECT_WITHIN_MS });
  const readSecret = secretsFrom(config.secretsDir, process.env);
  const userAgent = `hascheduler/${identity.version}`;
  const replica: Replica = assembleReplica({
    ...{ store, clock, random, logger, identity, peers, inspect },
    execute: actionsOf({
      log: logAction({ logger, clock, random }),
      http: httpAction({ sender, readSecret, nowMs: () => replica.serverNowMs(), userAgent }),
    }),
    warnings: members.warnings,
    lease: config.lease,
    graceMs: config.graceMs,
    maxRuns: config.maxRuns,
    standbyExecutes: config.standbyExecutes,
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
  return { store, inspected, kubernetes, members, connected, replica, events, sender };
}

/** Serves the API. */
export async function serveApi(
  { config, clock, random, logger, identity }: Base,
  metrics: Metrics,
  { store, inspected, connected, replica, events }: Parts,
): Promise<HttpServer> {
  const names = new HostNames({ names: config.hostNames, own: ownNames(config) });
  const app = createApp({
    ...{ store, clock, random, logger, replica: identity },
    serverNowMs: replica.serverNowMs,
    status: replica.status,
    holding: replica.holding,
    limits: config.limits,
    hosts: { names, doorSecret: config.doorSecret },
    onResponse: metrics.answered,
  }, [...connected.routes, ...metricsRoutes(metrics), ...eventRoutes(events), ...inspected.routes]);
  const { host } = config;
  const server = await serve(app, { host, port: config.port, clock });
  names.listensAt(server.address);
  const { boot, version } = identity;
  logger.info('listening', { host, port: server.port, boot, version, pid: process.pid });
  if (config.hostIsDefault) {
    logger.info(
      `listening on ${host} only; set HOST=0.0.0.0 to accept remote requests (the API has no authentication)`,
    );
  }
  return server;
}

/** Resolves when all runs have ended or their time is up, and everything is recorded and closed (G8). */
export async function stopParts(
  { events, inspected, replica, connected, members, store, kubernetes, sender }: Parts,
  server: HttpServer,
): Promise<void> {
  // At once: clients reconnect to another replica while this one drains.
  events.close();
  inspected.close();
  await replica.stop();
  await sender.close();
  // Not earlier: the others must notice if a draining process dies.
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
