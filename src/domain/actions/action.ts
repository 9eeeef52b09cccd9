/** The types of actions. A new one adds its fields and its defaults here, and its reader to schedules/scheduleReading. */
import { z } from 'zod';
import { mismatch, noneOf } from '../shared/fields.ts';
import type { HttpAction } from './httpAction.ts';
import { httpActionFields } from './httpFields.ts';
import { type LogAction, logActionFields } from './logAction.ts';

export type Action = LogAction | HttpAction;
export type ActionType = Action['type'];

/** Attempts that may fail, of a schedule that does not say how many. A table, so that the compiler keeps it complete. */
export const DEFAULT_ATTEMPTS: Record<ActionType, number> = { log: 1, http: 3 };

const ACTION_TYPES = Object.keys(DEFAULT_ATTEMPTS) as readonly ActionType[];

/** An action as a client writes it, with its defaults. */
export const actionFields = z.discriminatedUnion('type', [logActionFields, httpActionFields], {
  error: ({ code, input }) =>
    code === 'invalid_union'
      ? noneOf(ACTION_TYPES, (input as { type?: unknown }).type)
      : mismatch('an object with the fields of an action', input),
});
