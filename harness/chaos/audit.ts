/**
 * The audit: every occurrence that is owed by the harness's own book has one record in the store, and every
 * attempt was heard once. Pure; it knows neither the product's code nor how the storm went.
 */
import type { Kept, Version } from './book.ts';
import type { Execution } from './fleet.ts';

/** What the audit reads of a run's record. */
export interface Recorded {
  _id: string;
  schedule_id: string;
  schedule_revision: number;
  scheduled_for: Date;
  since: Date;
  count: number;
  state: string;
  attempt: number;
  term: number;
}

/** Each violation is a sentence. */
export interface Findings {
  counts: Record<
    'occurrences' | 'claimed' | 'skipped' | 'missed' | 'gone' | 'executions' | 're-attempted',
    number
  >;
  lost: string[];
  doubled: string[];
  /** Recorded or executed though nothing of the kind was owed. */
  alien: string[];
  /** Claimed under a term that was over (G3). */
  fenceless: string[];
  /** Claimed after the end of the definition was answered (G4). */
  late: string[];
  /** Claimed, and left so. */
  open: string[];
}

/**
 * A replica's measure of the server's clock is good to within the way there and back: it may fire that much
 * early, and so just after a definition's end.
 */
const CLOCK_TOLERANCE_MS = 500;

export function audit(
  input: {
    kept: readonly Kept[];
    runs: readonly Recorded[];
    executions: readonly Execution[];
    throughMs: number;
  },
): Findings {
  const findings: Findings = {
    counts: { occurrences: 0, claimed: 0, skipped: 0, missed: 0, gone: 0, executions: 0, 're-attempted': 0 },
    ...{ lost: [], doubled: [], alien: [], fenceless: [], late: [], open: [] },
  };
  const runs = bySchedule(input.runs);
  for (const kept of input.kept) {
    const own = (runs.get(kept.id) ?? []).toSorted((a, b) => +a.scheduled_for - +b.scheduled_for);
    runs.delete(kept.id);
    const covered = cover(kept, own, findings);
    findLost(kept, covered, input.throughMs, findings);
    checkTerms(own, findings);
    checkEnds(kept, own, findings);
  }
  for (const id of runs.keys()) {
    findings.alien.push(`${id}: nobody has made such a schedule, and it has runs`);
  }
  checkExecutions(input.runs, input.executions, findings);
  return findings;
}

function bySchedule(runs: readonly Recorded[]): Map<string, Recorded[]> {
  const groups = new Map<string, Recorded[]>(runs.map((run) => [run.schedule_id, []]));
  for (const run of runs) groups.get(run.schedule_id)?.push(run);
  return groups;
}

/** The occurrences that have a record, of which each may have one. */
function cover(kept: Kept, runs: readonly Recorded[], findings: Findings): Map<number, Recorded> {
  const covered = new Map<number, Recorded>();
  for (const run of runs) {
    const version = kept.versions.find(({ revision }) => revision === run.schedule_revision);
    const latestMs = Math.min(version?.untilMs ?? -Infinity, kept.deletion.answeredMs) + CLOCK_TOLERANCE_MS;
    const times = version ? grid(version, run.since.getTime() - 1, run.scheduled_for.getTime()) : [];
    const isOwed = times.length === run.count && times.at(-1) === run.scheduled_for.getTime() &&
      run.scheduled_for.getTime() <= latestMs;
    if (!isOwed) {
      findings.alien.push(`${run._id}: ${run.state} × ${run.count} of revision ${run.schedule_revision}`);
    }
    for (const timeMs of times) {
      const other = covered.get(timeMs);
      if (other) {
        findings.doubled.push(`${run._id} (${run.state}) and ${other._id} (${other.state}) are the same`);
      }
      covered.set(timeMs, run);
      const kind = run.state === 'skipped' || run.state === 'missed' ? run.state : 'claimed';
      findings.counts[kind]++;
    }
    if (['claimed', 'running', 'retrying'].includes(run.state)) findings.open.push(run._id);
  }
  return covered;
}

/** What of a deleted schedule was not claimed is gone with it; before what was claimed, nothing may be. */
function findLost(
  kept: Kept,
  covered: ReadonlyMap<number, Recorded>,
  throughMs: number,
  findings: Findings,
): void {
  let lastMs = -Infinity;
  for (const timeMs of covered.keys()) lastMs = Math.max(lastMs, timeMs);
  for (const version of kept.versions) {
    const owedMs = grid(version, -Infinity, Math.min(version.untilMs, throughMs, kept.deletion.sentMs));
    findings.counts.occurrences += owedMs.length;
    for (const timeMs of owedMs) {
      if (covered.has(timeMs)) continue;
      if (kept.deletion.sentMs < Infinity && timeMs > lastMs) findings.counts.gone++;
      else findings.lost.push(`${kept.id}@${new Date(timeMs).toISOString()}`);
    }
  }
}

function checkTerms(runs: readonly Recorded[], findings: Findings): void {
  let term = 0;
  // An adopted run may name the term of whoever has it now.
  for (const run of runs.filter(({ attempt }) => attempt <= 1)) {
    if (run.term < term) findings.fenceless.push(`${run._id}: term ${run.term}, after one of term ${term}`);
    term = Math.max(term, run.term);
  }
}

function checkEnds(kept: Kept, runs: readonly Recorded[], findings: Findings): void {
  for (const { revision, claimsAtEnd } of kept.versions) {
    const claims = runs.filter((run) => run.schedule_revision === revision && run.attempt > 0).length;
    if (claimsAtEnd === null || claims === claimsAtEnd) continue;
    findings.late.push(
      `${kept.id}, revision ${revision}: ${claimsAtEnd} claims when its end was answered, ${claims} now`,
    );
  }
}

function checkExecutions(
  runs: readonly Recorded[],
  executions: readonly Execution[],
  findings: Findings,
): void {
  const known = new Set(runs.filter(({ attempt }) => attempt > 0).map(({ _id }) => _id));
  const lives = new Map<string, string>();
  const heard = new Set<string>();
  for (const { runId, attempt, life } of executions) {
    findings.counts.executions++;
    if (attempt > 1) findings.counts['re-attempted']++;
    const other = lives.get(`${runId} ${attempt}`);
    if (other) findings.doubled.push(`${runId}: attempt ${attempt} executed by ${other} and by ${life}`);
    lives.set(`${runId} ${attempt}`, life);
    heard.add(runId);
    if (!known.has(runId)) findings.alien.push(`${runId}: executed by ${life} without a claim`);
  }
  for (const { _id, state } of runs) {
    if (state === 'succeeded' && !heard.has(_id)) {
      findings.lost.push(`${_id}: ${state}, but nobody heard of it`);
    }
  }
}

/** The occurrences of a version in (after, through], and after its beginning. */
function grid({ everyMs, anchorMs, fromMs }: Version, afterMs: number, throughMs: number): number[] {
  const times: number[] = [];
  const first = Math.floor((Math.max(afterMs, fromMs) - anchorMs) / everyMs) + 1;
  for (let timeMs = anchorMs + first * everyMs; timeMs <= throughMs; timeMs += everyMs) times.push(timeMs);
  return times;
}
