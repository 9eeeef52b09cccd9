import type { Context } from 'hono';
import type { Clock, Logger, Random } from '../../actors/shared/environment.ts';
import type { Store } from '../../actors/store.ts';
import type { Capacity, Holding } from '../../domain/schedules/capacity.ts';
import type { Answers } from './answers.ts';
import type { HostNames } from '../../domain/membership/hostNames.ts';

/** By which names a replica answers, and to whom it leaves that question. */
export interface Hosts {
  names: HostNames;
  /** Of the front door, which has asked it already; null when there is none. */
  doorSecret: string | null;
}

/** What the API needs from the replica that serves it. */
export interface ApiDeps {
  store: Pick<Store, 'schedules' | 'runs' | 'lease' | 'presence' | 'leadership' | 'ping'>;
  /**
   * This replica's clock corrected by its measured offset to the database server's, epoch milliseconds (G6).
   */
  serverNowMs(): number;
  random: Random;
  clock: Clock;
  logger: Logger;
  replica: { id: string; boot: string; address: string; version: string };
  status(): Status;
  hosts: Hosts;
  /** What this replica's mirror holds, and what it may. */
  holding(): Holding;
  limits: Capacity;
  /** Told of each request that was answered, for metrics. */
  answered?(request: AnsweredRequest): void;
}

/** What the endpoints share besides. */
export type RouteDeps = ApiDeps & { answers: Answers };

/** Every field but the duration is of a closed set. */
export interface AnsweredRequest {
  /** `OTHER` for what no route has. */
  method: string;
  /** As in a `Route`: `/schedules/{id}`; `none` when there is nothing at the path. */
  route: string;
  status: number;
  /** Until the answer's headers: what streams goes on for longer. */
  tookMs: number;
}

/** How the replica is doing, in its own words. */
export interface Status {
  state: string;
  /** False when its loop stalls: restarting the process would help. */
  live: boolean;
  /** False while it should get no requests. */
  ready: boolean;
  /** Why it is not live or not ready; empty when it is both. */
  reasons: string[];
}

/** One endpoint. The list of them is what routes, what says which methods a path has, and what `/` shows. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With parameters in braces: `/schedules/{id}`. */
  path: string;
  summary: string;
  /** It writes nothing, whatever its method says. */
  changesNothing?: true;
  handler(c: Context): Response | Promise<Response>;
}
