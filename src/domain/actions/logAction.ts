/** The `log` action: one structured line per attempt. For trying out policies, it can take long, and fail. */
import { z } from 'zod';
import { expected, fields, numberIn } from '../shared/fields.ts';
import { durationText } from '../timing/durationText.ts';

export interface LogAction {
  type: 'log';
  /** How long an attempt takes, a Go duration. */
  takes?: string;
  /** The share of attempts that fail, 0 to 1. */
  fails?: number;
}

export const logActionFields = fields('a log action', {
  type: z.literal('log', { error: expected('"log"') }),
  takes: durationText('0s', '1h').exactOptional(),
  fails: numberIn(0, 1).exactOptional(),
});
