import assert from 'node:assert/strict';
import { httpActionFields } from '../../../src/domain/actions/httpFields.ts';
import type { HttpAction } from '../../../src/domain/actions/httpAction.ts';
import { templateValues } from '../../../src/domain/actions/template.ts';
import { problemsOf } from '../../../src/domain/schedules/spec.ts';
import { fields } from '../../../src/domain/shared/fields.ts';

/** A schedule with nothing but its action. */
const schedule = fields('a schedule', { action: httpActionFields });

export const http = (more: Record<string, unknown> = {}) => ({
  type: 'http',
  url: 'https://example.com/hook',
  ...more,
});

/** What is wrong with the action of a request: pointers and sentences. */
export function problemsWith(action: unknown): [string, string][] {
  const parsed = schedule.safeParse({ action });
  return parsed.success ? [] : problemsOf(parsed.error).map(({ pointer, detail }) => [pointer, detail]);
}

export function parsed(action: unknown): HttpAction {
  const { success, data, error } = schedule.safeParse({ action });
  return success ? data.action : assert.fail(JSON.stringify(problemsOf(error)));
}

/** Of the second attempt of a run of the schedule `s`. */
export function valuesOf(name?: string) {
  return templateValues({
    id: 's@2030-01-01T00:00:00.000Z',
    schedule_id: 's',
    schedule_revision: 7,
    scheduled_for: new Date('2030-01-01T00:00:00Z'),
    attempt: 2,
    trigger: 'catch_up',
  }, name);
}
