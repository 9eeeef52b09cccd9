/** What the collection `runs` says became of occurrences: each has to be accounted for, and once. */
export interface RunRecord {
  _id: string;
  schedule_id: string;
  scheduled_for: Date;
  since: Date;
  count: number;
  state: string;
  reason: string | null;
  trigger: string;
  lateness_ms: number;
  term: number;
}

/** The moments of what strikes each `everyMs`, in (after, through], epoch ms. */
export function strikes(everyMs: number, anchorMs: number, afterMs: number, throughMs: number): number[] {
  const first = Math.floor((afterMs - anchorMs) / everyMs) + 1;
  const last = Math.floor((throughMs - anchorMs) / everyMs);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => anchorMs + (first + i) * everyMs);
}

/**
 * Every sentence that is wrong with the records of one schedule. What it owed up to `throughMs` is in them, and nothing
 * that it never owed; what it owes later may be in them.
 */
export function wrongWith(
  records: readonly RunRecord[],
  owed: (throughMs: number) => number[],
  throughMs: number,
): string[] {
  const lastMs = Math.max(throughMs, ...records.map(({ scheduled_for }) => scheduled_for.getTime()));
  const times = new Map(owed(lastMs).map((atMs) => [atMs, 0]));
  const wrong: string[] = [];
  for (const { _id, since, scheduled_for, count } of records) {
    const covered = [...times.keys()].filter((atMs) =>
      since.getTime() <= atMs && atMs <= scheduled_for.getTime()
    );
    if (covered.length !== count) wrong.push(`${_id} stands for ${count}, and ${covered.length} were owed`);
    for (const atMs of covered) times.set(atMs, (times.get(atMs) as number) + 1);
  }
  for (const [atMs, count] of times) {
    const isWrong = count > 1 || count === 0 && atMs <= throughMs;
    if (isWrong) wrong.push(`${new Date(atMs).toISOString()} is accounted for ${count} times`);
  }
  return wrong;
}

/** For people: `7 on time, 3600 missed (catch_up_window)`. */
export function summaryOf(records: readonly RunRecord[], lateMs: number): string {
  const counts = new Map<string, number>();
  for (const { state, reason, count, lateness_ms } of records) {
    const how = reason === null ? lateness_ms < lateMs ? 'on time' : 'late' : `${state} (${reason})`;
    counts.set(how, (counts.get(how) ?? 0) + count);
  }
  return [...counts].map(([how, count]) => `${count} ${how}`).join(', ') || 'nothing';
}
