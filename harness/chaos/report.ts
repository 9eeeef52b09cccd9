/** A storm's result as text. */
import { type Impact, spread } from './impacts.ts';
import type { StormResult } from './storm.ts';
import { ENDS, type Tally } from './tally.ts';

const SHOWN = 10;

/** All violations, by kind; kinds without one included. */
export function violations({ findings, errors }: StormResult): [name: string, sentences: string[]][] {
  const { lost, doubled, notOwed, unlogged, oldTerm, afterEnd, open, lives, forged } = findings;
  return [
    ['lost', lost],
    ['doubled', doubled],
    ['not owed', notOwed],
    ['succeeded without a logged execution', unlogged],
    ['claimed under an old term', oldTerm],
    ['claimed after the definition ended', afterEnd],
    ['left open', open],
    ['lived against their policies', lives],
    ['webhooks without a valid signature', forged],
    ['other errors', errors],
  ];
}

export function report(result: StormResult): string {
  const { impacts, answers, seed, injections } = result;
  const found = violations(result).filter(([, sentences]) => sentences.length > 0);
  return [
    `seed ${seed}: ${injections.flatMap(({ kinds }) => kinds).length} faults; ` +
    `requests: ${answers.answered} answered, ${answers.unanswered} not`,
    '',
    table(
      ['fault', 'times', 'takeovers', 'median', 'p99', 'max', 'pause: median', 'p99', 'max (ms)'],
      rows(impacts),
    ),
    '',
    table(
      ['schedule', ...ENDS.map((end) => end.replace('_', ' ')), 'attempts', 'lost'],
      lives(result.tallies),
    ),
    '',
    table(['occurrences and executions', 'count'], totals(result)),
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
    const own = impacts.filter((impact) => impact.cause === cause);
    const takeovers = own.flatMap(({ takeoverMs }) => takeoverMs === null ? [] : [takeoverMs]);
    const pauses = own.map(({ pauseMs }) => pauseMs);
    return [cause, `${own.length}`, `${takeovers.length}`, ...spread(takeovers), ...spread(pauses)];
  });
}

function lives(tallies: readonly Tally[]): string[][] {
  return tallies.map(({ scheduleId, ends, attempts, lost }) => [
    scheduleId,
    ...ENDS.map((end) => `${ends[end]}`),
    `${attempts}`,
    `${lost}`,
  ]);
}

function totals({ findings, webhooks }: StormResult): string[][] {
  const { counts, lost, doubled, open } = findings;
  const ends = { lost: lost.length, doubled: doubled.length, 'left open': open.length };
  const all = { ...counts, 'webhooks sent': webhooks.sent, 'of runs': webhooks.runs, ...ends };
  return Object.entries(all).map(([name, count]) => [name, `${count}`]);
}

/** Aligned columns; the first one is for names. */
export function table(head: readonly string[], body: readonly string[][]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...body.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))
      .join('  ');
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join('\n');
}
