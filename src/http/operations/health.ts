import type { Context } from 'hono';
import type { Clock } from '../../actors/shared/environment.ts';
import { StoreUnavailable } from '../../actors/shared/storeErrors.ts';
import { within } from '../../actors/shared/wait.ts';
import type { ApiDeps, Route } from '../shared/api.ts';
import { Problem } from '../shared/problem.ts';

/** Kubernetes probes time out after 1 s by default; this one responds earlier. */
const PING_LIMIT_MS = 800;

/** The endpoints for probes. */
export function healthRoutes({ store, clock, status }: ApiDeps): Route[] {
  function livez(c: Context): Response {
    const { live, state, reasons } = status();
    if (!live) throw unhealthy('live', state, reasons);
    return c.json({ status: 'ok' });
  }

  async function readyz(c: Context): Promise<Response> {
    const { ready, state, reasons } = status();
    if (!ready) throw unhealthy('ready', state, reasons);
    if (!(await pingsInTime(store.ping(), clock))) {
      throw unhealthy('ready', state, ['the store does not answer']);
    }
    return c.json({ status: 'ok' });
  }

  return [
    { method: 'GET', path: '/health', summary: 'respond OK', handler: (c) => c.text('OK') },
    { method: 'GET', path: '/livez', summary: 'probe whether the replica works (liveness)', handler: livez },
    {
      method: 'GET',
      path: '/readyz',
      summary: 'probe whether the replica should get requests (readiness)',
      handler: readyz,
    },
  ];
}

function unhealthy(what: string, state: string, reasons: readonly string[]): Problem {
  return new Problem(503, `not ${what}: ${reasons.join('; ') || `the replica is ${state}`}`, { reasons });
}

async function pingsInTime(ping: Promise<void>, clock: Clock): Promise<boolean> {
  try {
    return await within(clock, PING_LIMIT_MS, ping);
  } catch (error) {
    if (error instanceof StoreUnavailable) return false;
    throw error;
  }
}
