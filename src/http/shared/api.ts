import type { Context } from 'hono';
import type { Clock, Logger, Random } from '../../actors/shared/environment.ts';
import type { Store } from '../../actors/store.ts';
import type { Capacity, Holding } from '../../domain/schedules/capacity.ts';
import type { HostNames } from '../../domain/membership/hostNames.ts';
import type { Responses } from './responses.ts';

/** The host names of a replica, and the front door that it trusts to check them. */
export interface Hosts {
  names: HostNames;
  /** Secret of the front door, which has already checked the host; null without a door. */
  doorSecret: string | null;
}

/** Dependencies of the API on its replica. */
export interface ApiDeps {
  store: Pick<Store, 'schedules' | 'runs' | 'backfills' | 'lease' | 'presence' | 'leadership' | 'ping'>;
  /**
   * This replica's clock corrected by its measured offset to the database server's, epoch
   * milliseconds (G6).
   */
  serverNowMs(): number;
  random: Random;
  clock: Clock;
  logger: Logger;
  replica: { id: string; boot: string; address: string; version: string };
  status(): Status;
  hosts: Hosts;
  /** Numbers of schedules and moments in this replica's mirror, and their limits. */
  holding(): Holding;
  limits: Capacity;
  /** Called for each response, for metrics. */
  onResponse?(request: ServedRequest): void;
}

/** With what the endpoints share. */
export type RouteDeps = ApiDeps & { responses: Responses };

/** Every field but the duration is from a closed set. */
export interface ServedRequest {
  /** `OTHER` for a method of no route. */
  method: string;
  /** As in a `Route`: `/schedules/{id}`; `none` when the path has no route. */
  route: string;
  status: number;
  /** Until the response's headers; a stream lasts longer. */
  tookMs: number;
}

/** The replica's health. */
export interface Status {
  state: string;
  /** False when it leads and its due queue stalls: restarting the process would help. */
  live: boolean;
  /** False while it should get no requests. */
  ready: boolean;
  /** Why it is not live or not ready; empty when it is both. */
  reasons: string[];
}

/** One endpoint. Their list defines the routing, the methods of each path, and the response of `/`. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With parameters in braces: `/schedules/{id}`. */
  path: string;
  summary: string;
  /** A read-only endpoint, whatever its method. */
  changesNothing?: true;
  handler(c: Context): Response | Promise<Response>;
}
