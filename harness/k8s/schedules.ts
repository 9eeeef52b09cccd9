/** Steady schedules of several rates, and their runs, through the API. */
import type { RecordedRun } from '../chaos/audit.ts';
import { Ledger, type LedgerEntry, type StoredSchedule } from '../chaos/ledger.ts';
import type { Installation } from './installation.ts';

/** By id. The occurrences of each count from its creation unless `anchorMs` is given. */
const STEADY: Record<string, { body: object; everyMs: number; anchorMs?: number }> = {
  'every-50ms': { body: { type: 'duration', definition: { interval: '50ms' } }, everyMs: 50 },
  'every-300ms': { body: { type: 'duration', definition: { interval: '300ms' } }, everyMs: 300 },
  'every-2s': { body: { type: 'duration', definition: { interval: '2s' } }, everyMs: 2000 },
  'cron-1s': {
    body: { type: 'cron', definition: { cron_expression: '* * * * * *' } },
    everyMs: 1000,
    anchorMs: 0,
  },
};

/** Its claims measure the pauses. */
export const FASTEST = 'every-50ms';

/** A run in the API. */
export interface ApiRun {
  id: string;
  schedule_id: string;
  scheduled_for: string;
  claimed_at: string;
  state: string;
  attempt: number;
  term: number;
  executor: string;
  lateness_ms: number;
  count?: number;
  since?: string;
}

const PAGE = 1000;

export async function createSteady(to: Installation): Promise<Ledger> {
  const ledger = new Ledger();
  for (const [id, { body, everyMs, anchorMs }] of Object.entries(STEADY)) {
    ledger.creating(id, everyMs);
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify({ id, ...body }) };
    const stored = await to.request<StoredSchedule>('/schedules', init);
    ledger.defined(id, stored, anchorMs ?? Date.parse(`${stored.created_at}`));
  }
  return ledger;
}

/** The ledger's entries, once everything is settled. */
export async function settledEntries(ledger: Ledger, at: Installation): Promise<LedgerEntry[]> {
  const ids = Object.keys(STEADY);
  const stored = await Promise.all(ids.map((id) => at.request<StoredSchedule>(`/schedules/${id}`)));
  return ledger.settle(new Map(ids.map((id, i) => [id, stored[i] as StoredSchedule])));
}

/** All runs, or those in one of the states. */
export async function allRuns(of: Installation, states: readonly string[] = []): Promise<ApiRun[]> {
  const filter = states.length === 0 ? '' : `&state=${states.join(',')}`;
  const lists = await Promise.all(
    Object.keys(STEADY).map(async (id) => {
      const runs: ApiRun[] = [];
      for (let path: string | null = `/schedules/${id}/runs?limit=${PAGE}${filter}`; path !== null;) {
        const page: { items: ApiRun[]; nextPath: string | null } = await of.page(path);
        runs.push(...page.items);
        path = page.nextPath;
      }
      return runs;
    }),
  );
  return lists.flat();
}

/** The run in the audit's form. The schedules are never changed: every run is of the first revision. */
export function recordedRun(run: ApiRun): RecordedRun {
  return {
    ...{ _id: run.id, schedule_id: run.schedule_id, schedule_revision: 1 },
    scheduled_for: new Date(run.scheduled_for),
    since: new Date(run.since ?? run.scheduled_for),
    ...{ count: run.count ?? 1, state: run.state, attempt: run.attempt, term: run.term },
  };
}

/** The server's clock less this machine's, from the fastest of ten answers, and the error bound. */
export async function clockOffset(to: Installation): Promise<{ offsetMs: number; withinMs: number }> {
  let best = { offsetMs: 0, withinMs: Infinity };
  for (let i = 0; i < 10; i++) {
    const body = JSON.stringify({
      id: `clock-${i}`,
      type: 'at_times',
      definition: { times: ['2999-01-01T00:00:00Z'] },
    });
    const sentMs = Date.now();
    const { created_at } = await to.request<{ created_at: string }>('/schedules', { method: 'POST', body });
    const withinMs = (Date.now() - sentMs) / 2;
    if (withinMs < best.withinMs) best = { offsetMs: Date.parse(created_at) - sentMs - withinMs, withinMs };
    await to.request(`/schedules/clock-${i}`, { method: 'DELETE' });
  }
  return best;
}
