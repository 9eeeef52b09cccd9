/** After the scenarios: everything due is awaited, and what is recorded is audited. */
import { setTimeout as delay } from 'node:timers/promises';
import { audit, type Findings } from '../chaos/audit.ts';
import type { Book } from '../chaos/book.ts';
import type { Execution } from '../chaos/fleet.ts';
import { type Installation, until } from './installation.ts';
import type { Listeners } from './listeners.ts';
import { allRuns, keptBy, recorded, type ToldRun } from './schedules.ts';

const OPEN = ['claimed', 'running', 'retrying'];
/** What was said last is on its way through the kubelet and the API server. */
const LAST_LINES_MS = 2_000;

export interface Verdict {
  findings: Findings;
  /** Runs that succeeded, and of which no line arrived: logs of a container that was killed may be cut off. */
  unheard: number;
  runs: ToldRun[];
}

export async function verdict(
  at: Installation,
  book: Book,
  listeners: Listeners,
  throughMs: number,
): Promise<Verdict> {
  await at.passes(throughMs);
  await until('runs are left open', async () => {
    const open = await allRuns(at, OPEN);
    return open.every((run) => Date.parse(run.scheduled_for) > throughMs);
  });
  await delay(LAST_LINES_MS);
  const kept = await keptBy(book, at);
  const runs = (await allRuns(at)).filter((run) => Date.parse(run.scheduled_for) <= throughMs);
  const ids = new Set(runs.map(({ id }) => id));
  const executions = once(listeners.executions).filter(({ runId }) => ids.has(runId));
  const findings = audit({ kept, runs: runs.map(recorded), executions, throughMs });
  const isUnheard = (sentence: string) => sentence.endsWith('but nobody heard of it');
  const unheard = findings.lost.filter(isUnheard).length;
  return { findings: { ...findings, lost: findings.lost.filter((one) => !isUnheard(one)) }, unheard, runs };
}

/** A log that was followed again told its lines again: the same attempt of the same life is one. */
function once(executions: readonly Execution[]): Execution[] {
  return [...new Map(executions.map((one) => [`${one.runId} ${one.attempt} ${one.life}`, one])).values()];
}
