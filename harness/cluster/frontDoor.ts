import { HostNames } from '../../src/domain/membership/hostNames.ts';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { type FrontDoor, openFrontDoor } from '../../src/local/door/frontDoor.ts';
import type { ReplicaProcess } from './replicas.ts';

/** A front door for replicas that run; resolves when all of them get requests. */
export async function frontDoorOf(
  replicas: readonly ReplicaProcess[],
  probeEveryMs: number,
): Promise<FrontDoor> {
  const upstreams = replicas.map(({ id, url }) => ({ id, port: Number(new URL(url).port) }));
  let resolveReady = () => {};
  const allReady = new Promise<void>((resolve) => resolveReady = resolve);
  const door = await openFrontDoor({
    ...{ host: '127.0.0.1', port: 0, upstreams, probeEveryMs, clock: systemClock(), secret: 'for tests' },
    names: new HostNames({ names: [], own: [] }),
    onChange: (ready) => ready.length === upstreams.length && resolveReady(),
  });
  await allReady;
  return door;
}
