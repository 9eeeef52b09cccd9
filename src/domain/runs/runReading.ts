import { type FieldTypes, type NotUnderstood, problemIn, validOr } from '../shared/reading.ts';
import { workProblem } from '../schedules/scheduleReading.ts';
import { OPEN_STATES, type Run, RUN_STATES, type RunState, TRIGGERS, type WaitingFor } from './run.ts';

/** Fields needed to act on a stored run. All others are for display, or have a default. */
export const RUN_FIELDS = {
  id: 'text',
  schedule_id: 'text',
  scheduled_for: 'date',
  trigger: TRIGGERS,
  state: RUN_STATES,
  attempt: 'count',
  executor: 'text?',
  executor_boot: 'text?',
  claimed_at: 'date',
} as const satisfies FieldTypes;

/** A stored run, without fields that this version does not know. */
export function readRun(record: Partial<Run>): Run | NotUnderstood {
  const work = record.work == null ? null : workProblem(record.work);
  const problem = problemIn(record, RUN_FIELDS) ??
    // What has ended is attempted no more.
    (work !== null && OPEN_STATES.includes(record.state as RunState) ? `work ${work}` : null);
  if (problem !== null) return { id: String(record.id), not_understood: problem };
  const run = record as Run;
  return {
    id: run.id,
    schedule_id: run.schedule_id,
    schedule_revision: validOr(run.schedule_revision, 'count', 0),
    ...ifValid(run, 'schedule_created_at', 'date'),
    ...ifValid(run, 'timing_revision', 'count'),
    scheduled_for: run.scheduled_for,
    available_at: validOr(run.available_at, 'date', run.scheduled_for),
    trigger: run.trigger,
    ...ifValid(run, 'backfill_id', 'text'),
    state: run.state,
    reason: validOr(run.reason, 'text', null),
    waiting_for: waitingFor(run),
    attempt: run.attempt,
    attempts: Array.isArray(run.attempts) ? run.attempts.filter(isAttempt) : [],
    failures: validOr(run.failures, 'count', 0),
    losses: validOr(run.losses, 'count', 0),
    is_last_attempt: run.is_last_attempt === true,
    overlap: validOr(run.overlap, 'text', null),
    work: work === null ? run.work ?? null : null,
    executor: run.executor ?? null,
    executor_boot: run.executor_boot ?? null,
    term: validOr(run.term, 'count', 0),
    claimed_at: run.claimed_at,
    claim_number: validOr(run.claim_number, 'count', 0),
    started_at: validOr(run.started_at, 'date', null),
    finished_at: validOr(run.finished_at, 'date', null),
    lateness_ms: validOr(run.lateness_ms, 'number', 0),
    error: validOr(run.error, 'text', null),
    output: validOr(run.output, 'text', null),
    count: validOr(run.count, 'count', 1),
    since: validOr(run.since, 'date', run.scheduled_for),
    expire_at: validOr(run.expire_at, 'date', null),
  };
}

const ATTEMPT_FIELDS = {
  number: 'count',
  executor: 'text',
  started_at: 'date?',
  finished_at: 'date',
  state: 'text',
  error: 'text?',
} as const satisfies FieldTypes;

function isAttempt(stored: unknown): boolean {
  return typeof stored === 'object' && stored !== null && problemIn(stored, ATTEMPT_FIELDS) === null;
}

/** Older versions did not write it. */
function waitingFor({ waiting_for, state, executor_boot }: Run): WaitingFor | null {
  if (waiting_for != null) return waiting_for;
  return executor_boot === null && OPEN_STATES.includes(state) ? 'place' : null;
}

/** A field that older versions did not write, if present. */
function ifValid<N extends keyof Run>(
  run: Run,
  name: N,
  kind: 'date' | 'count' | 'text',
): Pick<Run, N> | undefined {
  return validOr(run[name], kind, undefined) === undefined
    ? undefined
    : { [name]: run[name] } as Pick<Run, N>;
}
