import { ChangeDeclined } from '../../actors/shared/storeErrors.ts';

/**
 * How many definitions that are no longer in force a schedule may carry (G9). They are dropped as the
 * watermark passes them, within a second or so, as long as somebody leads.
 */
export const MAX_SUPERSEDED = 50;

/** The change can't be taken now, without losing what an old definition still owes. */
export function tooManySuperseded(id: string): ChangeDeclined {
  return new ChangeDeclined(
    `schedule ${id} has been changed ${MAX_SUPERSEDED} times since the watermark last moved on; nothing was changed; ` +
      'try again once a leader has caught up',
  );
}

/** Others change its timing all the time, each of them before this one can. */
export function tooManyChanges(id: string): ChangeDeclined {
  return new ChangeDeclined(
    `schedule ${id} is being changed by others all the time; nothing was changed; try again`,
  );
}
