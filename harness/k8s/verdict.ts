/** After the scenarios: waits until everything due is recorded, and audits the records. */
import { setTimeout as delay } from 'node:timers/promises';
import { audit, type Findings } from '../chaos/audit.ts';
import type { Execution } from '../chaos/fleet.ts';
import type { Ledger } from '../chaos/ledger.ts';
import { type Installation, until } from './installation.ts';
import type { PodLogs } from './podLogs.ts';
import { allRuns, type ApiRun, recordedRun, settledEntries } from './schedules.ts';

const OPEN = ['claimed', 'running', 'retrying'];
/** The last log lines are still on their way through the kubelet and the API server. */
const LAST_LINES_MS = 2_000;

export interface Verdict {
  /** `unlogged` is no violation here: the log of a killed container may be incomplete. */
  findings: Findings;
  runs: ApiRun[];
}

export async function verdict(
  at: Installation,
  ledger: Ledger,
  logs: PodLogs,
  throughMs: number,
): Promise<Verdict> {
  await at.passes(throughMs);
  await until('runs have not ended', async () => {
    const open = await allRuns(at, OPEN);
    return open.every((run) => Date.parse(run.scheduled_for) > throughMs);
  });
  await delay(LAST_LINES_MS);
  const entries = await settledEntries(ledger, at);
  const runs = (await allRuns(at)).filter((run) => Date.parse(run.scheduled_for) <= throughMs);
  const ids = new Set(runs.map(({ id }) => id));
  const executions = withoutRepeats(logs.executions).filter(({ runId }) => ids.has(runId));
  return { findings: audit({ entries, runs: runs.map(recordedRun), executions, throughMs }), runs };
}

/** A log that was followed again repeats its lines: an attempt of one process counts once. */
function withoutRepeats(executions: readonly Execution[]): Execution[] {
  return [...new Map(executions.map((one) => [`${one.runId} ${one.attempt} ${one.life}`, one])).values()];
}
