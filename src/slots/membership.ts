import { fromPromise } from 'xstate';
import { presenceMachine } from '../actors/membership/presence.ts';
import { leaseSettings } from '../domain/membership/replica.ts';
import type { SlotDeps } from './deps.ts';

export function fillPresence({ store, identity, lease, warnings, clock, report, placesInUse }: SlotDeps) {
  const { id, boot, address, version } = identity;
  const lease_timing = leaseSettings(lease);
  const started_at = new Date(clock.now());
  return presenceMachine.provide({
    actors: {
      announce: fromPromise(({ input }) =>
        store.presence.announce({
          ...{ id, boot, ...input, address, version, started_at, lease_timing },
          warnings: warnings?.() ?? [],
          places: placesInUse(),
        })
      ),
      leave: fromPromise(() => store.presence.leave(boot)),
    },
    actions: { report },
  });
}
