import type { MiddlewareHandler } from 'hono';
import type { Hosts } from '../shared/api.ts';
import { requestedHost } from './hosts.ts';
import { Problem } from '../shared/problem.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses changes by pages of other sites (CSRF): since bodies need no JSON type, and the API has no
 * authentication, any page could otherwise write schedules to a replica on the visitor's machine. Only browsers send these headers, and no page can forge them; curl and programs are
 * not affected. The rule is that of Go's `http.CrossOriginProtection`.
 */
export function refuseOtherOrigins(hosts: Hosts): MiddlewareHandler {
  return async (c, next) => {
    if (!SAFE_METHODS.has(c.req.method)) {
      const site = c.req.header('sec-fetch-site');
      const origin = c.req.header('origin');
      const foreign = site
        ? site !== 'same-origin' && site !== 'none'
        : origin !== undefined && !isAt(origin, requestedHost(c, hosts));
      if (foreign) {
        throw new Problem(403, 'cross-site request refused: only pages of this site may change anything');
      }
    }
    await next();
  };
}

function isAt(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
