/** Steady schedules of several rates, and their records, over the API. */
import type { Recorded } from '../chaos/audit.ts';
import { Book, type Kept, type Stored } from '../chaos/book.ts';
import type { Installation } from './installation.ts';

/** By id: what is sent, how far apart its occurrences are, and where they lie, if not from its creation on. */
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

/** Its claims measure every pause. */
export const QUICKEST = 'every-50ms';

/** A run, as the API tells it. */
export interface ToldRun {
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

export async function createSteady(to: Installation): Promise<Book> {
  const book = new Book();
  for (const [id, { body, everyMs, anchorMs }] of Object.entries(STEADY)) {
    book.creating(id, everyMs);
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify({ id, ...body }) };
    const stored = await to.request<Stored>('/schedules', init);
    book.defined(id, stored, anchorMs ?? Date.parse(`${stored.created_at}`));
  }
  return book;
}

/** What the book says now that everything is settled. */
export async function keptBy(book: Book, at: Installation): Promise<Kept[]> {
  const ids = Object.keys(STEADY);
  const stored = await Promise.all(ids.map((id) => at.request<Stored>(`/schedules/${id}`)));
  return book.settle(new Map(ids.map((id, i) => [id, stored[i] as Stored])));
}

/** All of them, or those in one of the states. */
export async function allRuns(of: Installation, states: readonly string[] = []): Promise<ToldRun[]> {
  const filter = states.length === 0 ? '' : `&state=${states.join(',')}`;
  const lists = await Promise.all(
    Object.keys(STEADY).map(async (id) => {
      const runs: ToldRun[] = [];
      for (let path: string | null = `/schedules/${id}/runs?limit=${PAGE}${filter}`; path !== null;) {
        const page: { items: ToldRun[]; nextPath: string | null } = await of.page(path);
        runs.push(...page.items);
        path = page.nextPath;
      }
      return runs;
    }),
  );
  return lists.flat();
}

/** As the audit wants it. The schedules are never changed: every run is of the first revision. */
export function recorded(run: ToldRun): Recorded {
  return {
    ...{ _id: run.id, schedule_id: run.schedule_id, schedule_revision: 1 },
    scheduled_for: new Date(run.scheduled_for),
    since: new Date(run.since ?? run.scheduled_for),
    ...{ count: run.count ?? 1, state: run.state, attempt: run.attempt, term: run.term },
  };
}

/** The server's clock less this machine's, ms, from the quickest of some answers; and how good that is. */
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
