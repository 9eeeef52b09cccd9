/**
 * The audit: every occurrence owed by the harness's own ledger has one record in the store, and every attempt
 * was executed once. Pure; independent of the product's code and of the course of the storm.
 */
import type { LedgerEntry, Version } from './ledger.ts';
import type { Execution } from './fleet.ts';
import { checkBackfills, checkLives, type RecordedAttempt, type RecordedBackfill } from './lives.ts';

/** The fields of a run's record that the audit reads. */
export interface RecordedRun {
  _id: string;
  schedule_id: string;
  schedule_revision: number;
  scheduled_for: Date;
  since: Date;
  count: number;
  state: string;
  attempt: number;
  term: number;
  /** Set on real records; what only checks of lives read. */
  attempts?: RecordedAttempt[];
  backfill_id?: string;
}

/** States of the records of what was not claimed. */
export const NOT_RUN: readonly string[] = ['skipped', 'missed'];

/** Each violation is a sentence. */
export interface Findings {
  /** `gone`: not claimed before its schedule was deleted. */
  counts: Record<
    'occurrences' | 'claimed' | 'skipped' | 'missed' | 'gone' | 'backfilled' | 'executions' | 're-attempted',
    number
  >;
  /** Owed, and not recorded. */
  lost: string[];
  doubled: string[];
  /** Recorded or executed, and not owed. */
  notOwed: string[];
  /** Succeeded, and its execution is in no log. */
  unlogged: string[];
  /** Claimed under a term that was over (G3). */
  oldTerm: string[];
  /** Claimed after the end of the definition was acknowledged (G4). */
  afterEnd: string[];
  /** Due before the end of the storm, and not ended. */
  open: string[];
  /** Runs that did not live by their policies, and backfills that are not complete. */
  lives: string[];
  /** Webhooks whose signature is not valid. */
  forged: string[];
}

/**
 * A replica's measure of the server's clock is off by at most a round trip: it may fire that much early, and
 * so just after a definition's end.
 */
const CLOCK_TOLERANCE_MS = 500;

export function audit(
  input: {
    entries: readonly LedgerEntry[];
    runs: readonly RecordedRun[];
    executions: readonly Execution[];
    throughMs: number;
    /** Webhooks whose signature is not valid. */
    forged?: readonly string[];
    /** Ids of acknowledged ones, and what is stored. */
    backfills?: { requested: readonly string[]; stored: readonly RecordedBackfill[] };
  },
): Findings {
  const findings: Findings = {
    counts: {
      occurrences: 0,
      claimed: 0,
      skipped: 0,
      missed: 0,
      gone: 0,
      backfilled: 0,
      executions: 0,
      're-attempted': 0,
    },
    ...{
      lost: [],
      doubled: [],
      notOwed: [],
      unlogged: [],
      oldTerm: [],
      afterEnd: [],
      open: [],
      lives: [],
      forged: [],
    },
  };
  const ofOccurrences = input.runs.filter(({ backfill_id }) => backfill_id === undefined);
  const runs = bySchedule(ofOccurrences);
  for (const entry of input.entries) {
    const own = (runs.get(entry.id) ?? []).toSorted((a, b) => +a.scheduled_for - +b.scheduled_for);
    runs.delete(entry.id);
    const covered = cover(entry, own, findings);
    findLost(entry, covered, input.throughMs, findings);
    checkTerms(own, findings);
    checkEnds(entry, own, findings);
  }
  for (const id of runs.keys()) findings.notOwed.push(`${id}: has runs, but was never created`);
  checkExecutions(input.runs, input.executions, findings);
  const isOpen = ({ state, scheduled_for }: RecordedRun) =>
    ['claimed', 'running', 'retrying'].includes(state) && scheduled_for.getTime() <= input.throughMs;
  findings.open = input.runs.filter(isOpen).map(({ _id }) => _id);
  findings.lives = checkLives(input.runs);
  const { requested, stored } = input.backfills ?? { requested: [], stored: [] };
  findings.lives.push(...checkBackfills(requested, stored, input.runs));
  findings.forged = [...input.forged ?? []];
  findings.counts.backfilled = input.runs.length - ofOccurrences.length;
  return findings;
}

function bySchedule(runs: readonly RecordedRun[]): Map<string, RecordedRun[]> {
  const groups = new Map<string, RecordedRun[]>(runs.map((run) => [run.schedule_id, []]));
  for (const run of runs) groups.get(run.schedule_id)?.push(run);
  return groups;
}

/** The recorded occurrences; each may have one record. */
function cover(
  { versions, deletion }: LedgerEntry,
  runs: readonly RecordedRun[],
  findings: Findings,
): Map<number, RecordedRun> {
  const covered = new Map<number, RecordedRun>();
  for (const run of runs) {
    const version = versions.find(({ revision }) => revision === run.schedule_revision);
    const latestMs = Math.min(version?.untilMs ?? -Infinity, deletion.answeredMs) + CLOCK_TOLERANCE_MS;
    const times = version ? occurrences(version, run.since.getTime() - 1, run.scheduled_for.getTime()) : [];
    const isOwed = times.length === run.count && times.at(-1) === run.scheduled_for.getTime() &&
      run.scheduled_for.getTime() <= latestMs;
    if (!isOwed) {
      findings.notOwed.push(`${run._id}: ${run.state} × ${run.count} of revision ${run.schedule_revision}`);
    }
    for (const timeMs of times) {
      const other = covered.get(timeMs);
      if (other) {
        findings.doubled.push(
          `${run._id} (${run.state}) and ${other._id} (${other.state}) record the same occurrence`,
        );
      }
      covered.set(timeMs, run);
      const kind = NOT_RUN.includes(run.state) ? run.state as 'skipped' | 'missed' : 'claimed';
      findings.counts[kind]++;
    }
  }
  return covered;
}

/** The last unclaimed occurrences of a deleted schedule are gone with it; none may be missing before a claimed one. */
function findLost(
  { id, versions, deletion }: LedgerEntry,
  covered: ReadonlyMap<number, RecordedRun>,
  throughMs: number,
  findings: Findings,
): void {
  let lastMs = -Infinity;
  for (const timeMs of covered.keys()) lastMs = Math.max(lastMs, timeMs);
  for (const version of versions) {
    const owedMs = occurrences(version, -Infinity, Math.min(version.untilMs, throughMs, deletion.sentMs));
    findings.counts.occurrences += owedMs.length;
    for (const timeMs of owedMs) {
      if (covered.has(timeMs)) continue;
      if (deletion.sentMs < Infinity && timeMs > lastMs) findings.counts.gone++;
      else findings.lost.push(`${id}@${new Date(timeMs).toISOString()}`);
    }
  }
}

function checkTerms(runs: readonly RecordedRun[], findings: Findings): void {
  let term = 0;
  // An adopted run has the term of its adoption.
  for (const run of runs.filter(({ attempt }) => attempt <= 1)) {
    if (run.term < term) {
      findings.oldTerm.push(`${run._id}: claimed under term ${run.term} after term ${term}`);
    }
    term = Math.max(term, run.term);
  }
}

function checkEnds(
  { id, versions }: LedgerEntry,
  runs: readonly RecordedRun[],
  findings: Findings,
): void {
  for (const { revision, claimsAtEnd } of versions) {
    const claims = runs.filter((run) =>
      run.schedule_revision === revision && !NOT_RUN.includes(run.state)
    ).length;
    if (claimsAtEnd === null || claims === claimsAtEnd) continue;
    findings.afterEnd.push(
      `${id}, revision ${revision}: ${claimsAtEnd} claims when its end was acknowledged, ${claims} now`,
    );
  }
}

function checkExecutions(
  runs: readonly RecordedRun[],
  executions: readonly Execution[],
  findings: Findings,
): void {
  const known = new Set(runs.filter(({ attempt }) => attempt > 0).map(({ _id }) => _id));
  const lives = new Map<string, string>();
  const executed = new Set<string>();
  for (const { runId, attempt, life } of executions) {
    findings.counts.executions++;
    if (attempt > 1) findings.counts['re-attempted']++;
    const other = lives.get(`${runId} ${attempt}`);
    if (other) findings.doubled.push(`${runId}: attempt ${attempt} executed by ${other} and by ${life}`);
    lives.set(`${runId} ${attempt}`, life);
    executed.add(runId);
    if (!known.has(runId)) findings.notOwed.push(`${runId}: executed by ${life} without a claim`);
  }
  for (const { _id, state } of runs) {
    if (state === 'succeeded' && !executed.has(_id)) {
      findings.unlogged.push(`${_id}: ${state}, but no replica logged its execution`);
    }
  }
}

/** The occurrences of a version in (after, through], and after it came into force. */
function occurrences({ everyMs, anchorMs, fromMs }: Version, afterMs: number, throughMs: number): number[] {
  const times: number[] = [];
  const first = Math.floor((Math.max(afterMs, fromMs) - anchorMs) / everyMs) + 1;
  for (let timeMs = anchorMs + first * everyMs; timeMs <= throughMs; timeMs += everyMs) times.push(timeMs);
  return times;
}
