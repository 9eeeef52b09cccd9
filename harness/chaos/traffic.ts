/** The clients of a storm, which use any replica: steady schedules, and many that live for seconds. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet } from './fleet.ts';
import type { Ledger, StoredSchedule } from './ledger.ts';
import type { SeededRandom } from './random.ts';
import { BACKFILL_SIZE, BACKFILLED, bodyOf, STEADY, webhook } from './steady.ts';

/** A frozen replica does not answer. */
const ANSWER_LIMIT_MS = 4000;
/** A short-lived schedule ends by itself after this, in case that its deletion gets no answer. */
const SHORT_LIVED_FOR_MS = 10_000;
const CLIENTS = 3;

/** Counts the claimed runs of a revision; null when the store does not answer. */
export type CountClaims = (scheduleId: string, revision: number) => Promise<number | null>;

export class Traffic {
  readonly answers = { answered: 0, unanswered: 0 };
  /** Answers that no fault excuses. */
  readonly wrong: string[] = [];
  /** Ids of the backfills whose creation was answered. */
  readonly backfills: string[] = [];
  readonly #fleet: Fleet;
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;
  readonly #countClaims: CountClaims;
  #shortLived = 0;
  #backfilledBeforeMs = 0;

  constructor(fleet: Fleet, ledger: Ledger, random: SeededRandom, countClaims: CountClaims) {
    this.#fleet = fleet;
    this.#ledger = ledger;
    this.#random = random;
    this.#countClaims = countClaims;
  }

  /** Before the storm: each request must be answered. */
  async createSteady(receiverUrl: string): Promise<void> {
    for (const steady of [...STEADY, webhook(receiverUrl), BACKFILLED]) {
      const { id, everyMs, cron } = steady;
      this.#ledger.creating(id, everyMs);
      const stored = await this.#send<StoredSchedule>('POST', '/schedules', 201, bodyOf(steady));
      if (stored === null) throw new Error(`${id} could not be created: ${this.wrong.join('; ')}`);
      this.#ledger.defined(id, stored, cron ? 0 : undefined);
      this.#backfilledBeforeMs = Date.parse(`${stored.created_at}`);
    }
  }

  /** Resolves after the signal, when no request is open. */
  async run(signal: AbortSignal): Promise<void> {
    const client = async () => {
      while (!signal.aborted) await this.#useShortLived(`short-${++this.#shortLived}`);
    };
    const backfilling = async () => {
      for (let n = 1; !signal.aborted; n++) {
        await this.#backfill(n);
        await delay(this.#random.between(500, 3000));
      }
    };
    await Promise.all([...Array.from({ length: CLIENTS }, client), backfilling()]);
  }

  /** The n-th range before the creation of its schedule, or the one before it a second time. */
  async #backfill(n: number): Promise<void> {
    const rangeMs = BACKFILL_SIZE * BACKFILLED.everyMs;
    const toMs = this.#backfilledBeforeMs - (n - (this.#random.next() < 0.2 ? 1 : 0)) * rangeMs;
    const range = { from: new Date(toMs - rangeMs).toISOString(), to: new Date(toMs).toISOString() };
    const body = { ...range, max_concurrent: 5 };
    const created = await this.#send<{ id: string }>(
      'POST',
      `/schedules/${BACKFILLED.id}/backfills`,
      201,
      body,
    );
    if (created !== null) this.backfills.push(created.id);
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
    const stored = await this.#send<StoredSchedule>('POST', '/schedules', 201, { id, ...body });
    if (stored) this.#ledger.defined(id, stored);
    return stored !== null;
  }

  async #replace(id: string): Promise<boolean> {
    const { everyMs, endMs, body } = this.#definition();
    const replaced = this.#ledger.revision(id);
    this.#ledger.replacing(id, everyMs, endMs);
    const stored = await this.#send<StoredSchedule>('PUT', `/schedules/${id}`, 200, body);
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
  async #send<T>(method: string, path: string, expected: number, body?: object): Promise<T | null> {
    const { life } = this.#random.pick(this.#fleet.slots);
    const init = {
      method,
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      ...(body && { body: JSON.stringify(body) }),
    };
    const answer = await life.json<T>(path, init).catch(() => null);
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
