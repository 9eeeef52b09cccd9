/** A storm's result, for people. */
import type { Findings } from './audit.ts';
import { type Impact, spread } from './impacts.ts';
import type { StormResult } from './storm.ts';

/** Whether a run that its executor left behind is a violation: it is, where others adopt such runs (G7). */
export const ORPHANS_ARE_ADOPTED: boolean = true;

const SHOWN = 10;

/** Everything that must not be, by name. */
export function violations({ findings, troubles }: StormResult): [name: string, sentences: string[]][] {
  const { lost, doubled, alien, fenceless, late, open } = findings;
  return [
    ['lost', lost],
    ['doubled', doubled],
    ['not owed', alien],
    ['claimed under an old term', fenceless],
    ['claimed after the definition ended', late],
    ['left open', ORPHANS_ARE_ADOPTED ? open : []],
    ['other trouble', troubles],
  ];
}

export function report(result: StormResult): string {
  const { findings, impacts, answers, seed, blows } = result;
  const found = violations(result).filter(([, sentences]) => sentences.length > 0);
  return [
    `seed ${seed}: ${
      blows.flatMap(({ kinds }) => kinds).length
    } faults; requests: ${answers.answered} answered, ` +
    `${answers.unanswered} not`,
    '',
    table(
      ['fault', 'times', 'takeovers', 'median', 'p99', 'max', 'silence: median', 'p99', 'max (ms)'],
      rows(impacts),
    ),
    '',
    table(['what', 'how many'], totals(findings)),
    '',
    found.length === 0 ? 'no violation' : 'VIOLATIONS',
    ...found.map(([name, sentences]) =>
      `${name}: ${sentences.length}\n${sentences.slice(0, SHOWN).map((line) => `  ${line}\n`).join('')}`
    ),
  ].join('\n');
}

function rows(impacts: readonly Impact[]): string[][] {
  const causes = [...new Set(impacts.map(({ cause }) => cause))].toSorted();
  return causes.map((cause) => {
    const of = impacts.filter((impact) => impact.cause === cause);
    const takeovers = of.flatMap(({ takeoverMs }) => takeoverMs === null ? [] : [takeoverMs]);
    const silences = of.map(({ silenceMs }) => silenceMs);
    return [cause, `${of.length}`, `${takeovers.length}`, ...spread(takeovers), ...spread(silences)];
  });
}

function totals({ counts, lost, doubled, open }: Findings): string[][] {
  const all = { ...counts, lost: lost.length, doubled: doubled.length, 'left open': open.length };
  return Object.entries(all).map(([name, count]) => [name, `${count}`]);
}

/** Columns, the first of them for names. */
export function table(head: readonly string[], body: readonly string[][]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...body.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))
      .join('  ');
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join('\n');
}
