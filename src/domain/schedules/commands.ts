/** Request bodies of commands. All fields are optional. */
import { z } from 'zod';
import { type Problem, problemsOf } from './spec.ts';
import { expected, fields, text } from '../shared/fields.ts';
import { instant } from './specFields.ts';

type Parsed<T> = { ok: true; value: T } | { ok: false; problems: Problem[] };

const pause = fields('a pause', { reason: text(1024).exactOptional(), until: instant.exactOptional() });
const trigger = fields('a request to run a schedule', {
  overlap: z.boolean({ error: expected('true or false') }).default(false),
});
const stepDown = fields('a request to step down', {
  term: z.int({ error: expected('the number of a term') }).exactOptional(),
});
const nothing = fields('this request, which has none', {});

/** `{"reason": "…", "until": "…"}`, kept as the schedule's `pause_reason` and `pause_until`. */
export const parsePause = parserOf(pause);
/** `{"overlap": true}`: the schedule's `policy.overlap` applies to the run. */
export const parseTrigger = parserOf(trigger);
/** `{"term": 7}`: applies only if term 7 is the current one. */
export const parseStepDown = parserOf(stepDown);
/** `{}`. */
export const parseNothing = parserOf(nothing);

/** Checks a body against a schema, with a sentence for each problem. */
export function parserOf<T extends z.ZodType>(schema: T): (body: unknown) => Parsed<z.infer<T>> {
  return (body) => {
    const parsed = schema.safeParse(body);
    return parsed.success
      ? { ok: true, value: parsed.data }
      : { ok: false, problems: problemsOf(parsed.error) };
  };
}
