/** What clients do meanwhile, through any replica: steady schedules, and short lives of others. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Book, Stored } from './book.ts';
import type { Fleet } from './fleet.ts';
import type { SeededRandom } from './random.ts';

/** A frozen replica answers nobody. */
const ANSWER_WITHIN_MS = 4000;
/** A short life's definition owes nothing after this, so that one that nobody can delete does no harm. */
const DEFINITION_LASTS_MS = 10_000;
const CLIENTS = 3;

/** Every rate and every catch-up policy. */
const STEADY = [
  { id: 'steady-20ms', everyMs: 20 },
  { id: 'steady-100ms', everyMs: 100 },
  { id: 'latest-300ms', everyMs: 300, policy: { catch_up: 'latest' } },
  { id: 'none-500ms', everyMs: 500, policy: { catch_up: 'none' } },
  { id: 'cron-1s', everyMs: 1000, cron: '* * * * * *' },
  { id: 'cron-2s', everyMs: 2000, cron: '*/2 * * * * *' },
];

/** Counts the runs that were claimed of a revision by now; null when the store can't say. */
export type CountClaims = (scheduleId: string, revision: number) => Promise<number | null>;

export class Traffic {
  readonly answers = { answered: 0, unanswered: 0 };
  /** Answers that no trouble excuses. */
  readonly wrong: string[] = [];
  readonly #fleet: Fleet;
  readonly #book: Book;
  readonly #random: SeededRandom;
  readonly #countClaims: CountClaims;
  #lives = 0;

  constructor(fleet: Fleet, book: Book, random: SeededRandom, countClaims: CountClaims) {
    this.#fleet = fleet;
    this.#book = book;
    this.#random = random;
    this.#countClaims = countClaims;
  }

  /** Before the storm: each must be answered. */
  async makeSteady(): Promise<void> {
    for (const { id, everyMs, cron, policy } of STEADY) {
      const body = cron
        ? { id, type: 'cron', definition: { cron_expression: cron } }
        : { id, type: 'duration', definition: { interval: `${everyMs}ms` }, ...(policy && { policy }) };
      this.#book.creating(id, everyMs);
      const stored = await this.#ask('POST', '/schedules', 201, body);
      if (stored === null) throw new Error(`${id} could not be made: ${this.wrong.join('; ')}`);
      this.#book.defined(id, stored, cron ? 0 : undefined);
    }
  }

  /** Resolves some time after the signal, when no request is under way. */
  async run(signal: AbortSignal): Promise<void> {
    const client = async () => {
      while (!signal.aborted) await this.#shortLife(`short-${++this.#lives}`);
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  }

  /** Made, perhaps replaced, deleted; left alone as soon as one request got no answer. */
  async #shortLife(id: string): Promise<void> {
    if (!await this.#create(id)) return;
    await delay(this.#random.between(100, 1500));
    if (this.#random.next() < 0.7) {
      if (!await this.#replace(id)) return;
      await delay(this.#random.between(0, 1500));
    }
    const revision = this.#book.revision(id);
    this.#book.deleting(id);
    if (await this.#ask('DELETE', `/schedules/${id}`, 200) === null) return;
    this.#book.deleted(id);
    this.#book.ended(id, revision, await this.#countClaims(id, revision));
  }

  async #create(id: string): Promise<boolean> {
    const { everyMs, endMs, body } = this.#definition();
    this.#book.creating(id, everyMs, endMs);
    const stored = await this.#ask('POST', '/schedules', 201, { id, ...body });
    if (stored) this.#book.defined(id, stored);
    return stored !== null;
  }

  async #replace(id: string): Promise<boolean> {
    const { everyMs, endMs, body } = this.#definition();
    const replaced = this.#book.revision(id);
    this.#book.replacing(id, everyMs, endMs);
    const stored = await this.#ask('PUT', `/schedules/${id}`, 200, body);
    if (stored === null) return false;
    this.#book.defined(id, stored);
    this.#book.ended(id, replaced, await this.#countClaims(id, replaced));
    return true;
  }

  #definition() {
    const everyMs = this.#random.pick([50, 70, 100, 250, 1000]);
    const endMs = Date.now() + DEFINITION_LASTS_MS;
    const definition = { interval: `${everyMs}ms` };
    return { everyMs, endMs, body: { type: 'duration', definition, end_at: new Date(endMs).toISOString() } };
  }

  /** Null when there is no answer, or one that says that the store has none. */
  async #ask(method: string, path: string, expected: number, body?: object): Promise<Stored | null> {
    const { life } = this.#random.pick(this.#fleet.slots);
    const init = {
      method,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      ...(body && { body: JSON.stringify(body) }),
    };
    const answer = await life.json<Stored>(path, init).catch(() => null);
    if (answer?.status === expected) {
      this.answers.answered++;
      return answer.body;
    }
    if (answer && answer.status !== 503) {
      this.wrong.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    this.answers.unanswered++;
    return null;
  }
}
