import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { mayOmitHost } from '../../domain/membership/hostNames.ts';
import type { Hosts } from '../shared/api.ts';
import { Problem } from '../shared/problem.ts';

/** The header with which the front door of a local cluster authenticates to its replicas. */
export const DOOR_HEADER = 'x-hascheduler-door';

/** Refuses requests for other hosts (421), before any other processing. */
export function refuseOtherHosts(hosts: Hosts): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header('host');
    if (!isFromDoor(c, hosts) && !isAllowed(c, hosts, host)) {
      throw new Problem(421, hosts.names.refusal(host));
    }
    await next();
  };
}

/** The host that the client requested: only the front door's X-Forwarded-Host is trusted. */
export function requestedHost(c: Context, hosts: Hosts): string | undefined {
  const forwarded = isFromDoor(c, hosts) ? c.req.header('x-forwarded-host') : undefined;
  return forwarded ?? c.req.header('host');
}

function isAllowed(c: Context, { names }: Hosts, host: string | undefined): boolean {
  if (!host && mayOmitHost(c.req.path)) return true;
  // The request line may have another host than the header.
  return names.accepts(host) && names.accepts(new URL(c.req.url).host);
}

function isFromDoor(c: Context, { doorSecret }: Hosts): boolean {
  const secret = c.req.header(DOOR_HEADER);
  return doorSecret !== null && secret !== undefined && timingSafeEqual(digest(secret), digest(doorSecret));
}

function digest(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest());
}
