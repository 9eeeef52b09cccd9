/**
 * Sends XState's inspection events to Stately's inspector, which draws the actors. Its page comes
 * from stately.ai, inside one that a small server on this machine serves. The first replica to bind
 * the port runs that server; the others send to it. All of this is loaded only on request.
 */
import { Worker } from 'node:worker_threads';
import type { InspectionEvent } from 'xstate';
import { brief } from '../../actors/shared/brief.ts';
import type { Clock, Logger } from '../../actors/shared/environment.ts';

/** People read the inspector: events beyond this rate are dropped (G9). */
const MAX_PER_SECOND = 200;

export interface StatelyOptions {
  port: number;
  /** The replica's name: keeps ids distinct across replicas. */
  replica: string;
  clock: Clock;
  logger: Logger;
}

export interface StatelyInspector {
  /** For the `inspect` option of actors. */
  observe(event: InspectionEvent): void;
}

type Load = () => Promise<Pick<typeof import('@statelyai/inspect'), 'createWebSocketInspector'>>;

export async function statelyInspector(
  options: StatelyOptions,
  load: Load = () => import('@statelyai/inspect'),
): Promise<StatelyInspector> {
  const { port, replica, clock, logger } = options;
  const { createWebSocketInspector } = await installed(load);
  const relay = new Worker(new URL('./statelyRelay.mjs', import.meta.url), { workerData: { port } });
  relay.unref();
  relay.on('error', (error) => {
    logger.info('another process runs the relay to the Stately inspector', { port, error });
  });
  const inspector = createWebSocketInspector({
    url: `ws://localhost:${port}`,
    // The library may call it twice for one event.
    serialize: (event) => prefixed(event, `${replica}/`),
    sanitizeEvent: (event) => brief(event) as typeof event,
    sanitizeContext: (context) => brief(context) as typeof context,
  });
  logger.info('the Stately inspector shows this replica', { url: `http://localhost:${port}` });
  const mayPass = atMost(MAX_PER_SECOND, clock);
  return {
    observe(event) {
      if (mayPass()) inspector.inspect.next?.(event);
    },
  };
}

/** An optional dependency: only this inspector needs it. */
async function installed(load: Load): ReturnType<Load> {
  try {
    return await load();
  } catch (error) {
    throw new Error(
      'INSPECT=stately needs the optional package @statelyai/inspect: npm install @statelyai/inspect',
      {
        cause: error,
      },
    );
  }
}

const IDS = ['sessionId', 'rootId', 'parentId', 'sourceId'];

function prefixed<T extends object>(event: T, prefix: string): T {
  const ids = Object.entries(event).filter(([name, id]) =>
    IDS.includes(name) && typeof id === 'string' && !id.startsWith(prefix)
  );
  return { ...event, ...Object.fromEntries(ids.map(([name, id]) => [name, `${prefix}${id}`])) };
}

function atMost(perSecond: number, clock: Clock): () => boolean {
  let secondMs = -Infinity;
  let passed = 0;
  return () => {
    const nowMs = clock.monotonic();
    if (nowMs - secondMs >= 1000) {
      secondMs = nowMs;
      passed = 0;
    }
    return passed++ < perSecond;
  };
}
