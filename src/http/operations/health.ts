import type { Context } from 'hono';
import type { Clock } from '../../actors/shared/environment.ts';
import { StoreUnavailable } from '../../actors/shared/storeErrors.ts';
import { within } from '../../actors/shared/wait.ts';
import type { ApiDeps, Route } from '../shared/api.ts';
import { Problem } from '../shared/problem.ts';

/** Probes give up after a second by default; this one answers before. */
const PING_LIMIT_MS = 800;

/** The endpoints for probes. */
export function healthRoutes({ store, clock, status }: ApiDeps): Route[] {
  function livez(c: Context): Response {
    const { live, state, reasons } = status();
    if (!live) throw notInOrder('live', state, reasons);
    return c.json({ status: 'ok' });
  }

  async function readyz(c: Context): Promise<Response> {
    const { ready, state, reasons } = status();
    if (!ready) throw notInOrder('ready', state, reasons);
    if (!(await answersInTime(store.ping(), clock))) {
      throw notInOrder('ready', state, ['the store does not answer']);
    }
    return c.json({ status: 'ok' });
  }

  return [
    { method: 'GET', path: '/health', summary: 'say OK', handler: (c) => c.text('OK') },
    { method: 'GET', path: '/livez', summary: 'say whether the replica works', handler: livez },
    {
      method: 'GET',
      path: '/readyz',
      summary: 'say whether the replica should get requests',
      handler: readyz,
    },
  ];
}

function notInOrder(what: string, state: string, reasons: readonly string[]): Problem {
  return new Problem(503, `not ${what}: ${reasons.join('; ') || `the replica is ${state}`}`, { reasons });
}

async function answersInTime(ping: Promise<void>, clock: Clock): Promise<boolean> {
  try {
    return await within(clock, PING_LIMIT_MS, ping);
  } catch (error) {
    if (error instanceof StoreUnavailable) return false;
    throw error;
  }
}
