import { ChangeDeclined } from '../../actors/shared/storeErrors.ts';

/**
 * Superseded definitions that one schedule may carry (G9). They are dropped as the watermark passes
 * them, within a second or so while a replica leads.
 */
export const MAX_SUPERSEDED = 50;

/** To accept the change now would lose what an old definition still owes. */
export function tooManySuperseded(id: string): ChangeDeclined {
  return new ChangeDeclined(
    `schedule ${id} has been changed ${MAX_SUPERSEDED} times since the watermark last moved on; nothing was changed; ` +
      'try again once a leader has caught up',
  );
}

/** Concurrent changes of the timing won every compare-and-set. */
export function tooManyChanges(id: string): ChangeDeclined {
  return new ChangeDeclined(
    `schedule ${id} was changed by other requests at every try; nothing was changed; try again`,
  );
}
