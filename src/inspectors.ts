import type { Clock, Logger } from './actors/shared/environment.ts';
import type { Inspection } from './http/operations/inspect.ts';
import type { Config } from './infra/config.ts';

/** Calls every configured inspector with each event of the actors; undefined when none is configured. */
export async function inspectors(
  config: Config,
  overSse: Inspection,
  clock: Clock,
  logger: Logger,
): Promise<Inspection['observe'] | undefined> {
  const observers: Inspection['observe'][] = [];
  if (config.inspect.includes('sse')) observers.push(overSse.observe);
  if (config.inspect.includes('stately')) {
    // Loaded only when it is configured: it is for debugging.
    const { statelyInspector } = await import('./infra/log/statelyInspector.ts');
    const { inspectPort: port, replica } = config;
    const { observe } = await statelyInspector({ port, replica, clock, logger });
    observers.push(observe);
  }
  return observers.length === 0 ? undefined : (event) => observers.forEach((observe) => observe(event));
}
