import { fitting, type Needs, type NotUnderstood, problemIn } from '../shared/reading.ts';
import { type Run, RUN_STATES, TRIGGERS } from './run.ts';

/** Fields needed to act on a stored run. All others are for display, or have a default. */
export const RUN_NEEDS = {
  id: 'text',
  schedule_id: 'text',
  scheduled_for: 'date',
  trigger: TRIGGERS,
  state: RUN_STATES,
  attempt: 'count',
  executor: 'text',
  executor_boot: 'text',
  claimed_at: 'date',
} as const satisfies Needs;

/** A stored run, without fields that this version does not know. */
export function readRun(record: Partial<Run>): Run | NotUnderstood {
  const problem = problemIn(record, RUN_NEEDS);
  if (problem !== null) return { id: String(record.id), not_understood: problem };
  const run = record as Run;
  return {
    id: run.id,
    schedule_id: run.schedule_id,
    schedule_revision: fitting(run.schedule_revision, 'count', 0),
    ...ifFitting(run, 'schedule_created_at', 'date'),
    ...ifFitting(run, 'timing_revision', 'count'),
    scheduled_for: run.scheduled_for,
    trigger: run.trigger,
    state: run.state,
    reason: fitting(run.reason, 'text', null),
    attempt: run.attempt,
    executor: run.executor,
    executor_boot: run.executor_boot,
    term: fitting(run.term, 'count', 0),
    claimed_at: run.claimed_at,
    claim_number: fitting(run.claim_number, 'count', 0),
    started_at: fitting(run.started_at, 'date', null),
    finished_at: fitting(run.finished_at, 'date', null),
    lateness_ms: fitting(run.lateness_ms, 'number', 0),
    error: fitting(run.error, 'text', null),
    output: fitting(run.output, 'text', null),
    count: fitting(run.count, 'count', 1),
    since: fitting(run.since, 'date', run.scheduled_for),
    expire_at: fitting(run.expire_at, 'date', null),
  };
}

/** A field that older versions did not write, if present. */
function ifFitting<N extends keyof Run>(run: Run, name: N, kind: 'date' | 'count'): Pick<Run, N> | undefined {
  return fitting(run[name], kind, undefined) === undefined
    ? undefined
    : { [name]: run[name] } as Pick<Run, N>;
}
