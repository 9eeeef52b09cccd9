/** The clients of a storm, which use any replica: steady schedules, and many that live for seconds. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet } from './fleet.ts';
import type { Ledger, StoredSchedule } from './ledger.ts';
import type { SeededRandom } from './random.ts';

/** A frozen replica does not answer. */
const ANSWER_LIMIT_MS = 4000;
/** A short-lived schedule ends by itself after this, in case that its deletion gets no answer. */
const SHORT_LIVED_FOR_MS = 10_000;
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

/** Counts the claimed runs of a revision; null when the store does not answer. */
export type CountClaims = (scheduleId: string, revision: number) => Promise<number | null>;

export class Traffic {
  readonly answers = { answered: 0, unanswered: 0 };
  /** Answers that no fault excuses. */
  readonly wrong: string[] = [];
  readonly #fleet: Fleet;
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;
  readonly #countClaims: CountClaims;
  #shortLived = 0;

  constructor(fleet: Fleet, ledger: Ledger, random: SeededRandom, countClaims: CountClaims) {
    this.#fleet = fleet;
    this.#ledger = ledger;
    this.#random = random;
    this.#countClaims = countClaims;
  }

  /** Before the storm: each request must be answered. */
  async createSteady(): Promise<void> {
    for (const { id, everyMs, cron, policy } of STEADY) {
      const body = cron
        ? { id, type: 'cron', definition: { cron_expression: cron } }
        : { id, type: 'duration', definition: { interval: `${everyMs}ms` }, ...(policy && { policy }) };
      this.#ledger.creating(id, everyMs);
      const stored = await this.#send('POST', '/schedules', 201, body);
      if (stored === null) throw new Error(`${id} could not be created: ${this.wrong.join('; ')}`);
      this.#ledger.defined(id, stored, cron ? 0 : undefined);
    }
  }

  /** Resolves after the signal, when no request is open. */
  async run(signal: AbortSignal): Promise<void> {
    const client = async () => {
      while (!signal.aborted) await this.#useShortLived(`short-${++this.#shortLived}`);
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  }

  /** Creates, perhaps replaces, and deletes a schedule; stops at the first request without an answer. */
  async #useShortLived(id: string): Promise<void> {
    if (!await this.#create(id)) return;
    await delay(this.#random.between(100, 1500));
    if (this.#random.next() < 0.7) {
      if (!await this.#replace(id)) return;
      await delay(this.#random.between(0, 1500));
    }
    const revision = this.#ledger.revision(id);
    this.#ledger.deleting(id);
    if (await this.#send('DELETE', `/schedules/${id}`, 200) === null) return;
    this.#ledger.deleted(id);
    this.#ledger.ended(id, revision, await this.#countClaims(id, revision));
  }

  async #create(id: string): Promise<boolean> {
    const { everyMs, endMs, body } = this.#definition();
    this.#ledger.creating(id, everyMs, endMs);
    const stored = await this.#send('POST', '/schedules', 201, { id, ...body });
    if (stored) this.#ledger.defined(id, stored);
    return stored !== null;
  }

  async #replace(id: string): Promise<boolean> {
    const { everyMs, endMs, body } = this.#definition();
    const replaced = this.#ledger.revision(id);
    this.#ledger.replacing(id, everyMs, endMs);
    const stored = await this.#send('PUT', `/schedules/${id}`, 200, body);
    if (stored === null) return false;
    this.#ledger.defined(id, stored);
    this.#ledger.ended(id, replaced, await this.#countClaims(id, replaced));
    return true;
  }

  #definition() {
    const everyMs = this.#random.pick([50, 70, 100, 250, 1000]);
    const endMs = Date.now() + SHORT_LIVED_FOR_MS;
    const definition = { interval: `${everyMs}ms` };
    return { everyMs, endMs, body: { type: 'duration', definition, end_at: new Date(endMs).toISOString() } };
  }

  /** Null when there is no answer, or a 503 since the store does not answer. */
  async #send(method: string, path: string, expected: number, body?: object): Promise<StoredSchedule | null> {
    const { life } = this.#random.pick(this.#fleet.slots);
    const init = {
      method,
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      ...(body && { body: JSON.stringify(body) }),
    };
    const answer = await life.json<StoredSchedule>(path, init).catch(() => null);
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
