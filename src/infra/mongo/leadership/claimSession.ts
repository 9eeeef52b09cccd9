import type { Binary, ClientSession, MongoClient } from 'mongodb';

/**
 * The one logical session of all claims of this replica. The lease stores its id, so that a
 * successor can end what was left open in it; so the id never changes while the store lives.
 */
export class ClaimSession {
  readonly #client: MongoClient;
  #session: ClientSession | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #settled = true;

  constructor(client: MongoClient) {
    this.#client = client;
  }

  id(): Binary {
    return this.#get().serverSession.id.id;
  }

  /** Whether no transaction can be open in it on the server: it is idle, and its last use got an answer. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Runs `body` after all earlier uses: a session can hold one transaction at a time. */
  use<T>(body: (session: ClientSession) => Promise<T>): Promise<T> {
    const mine = this.#last.then(async () => {
      this.#settled = false;
      const result = await body(this.#get());
      this.#settled = true;
      return result;
    });
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** Waits for all uses, so that nothing is left open in it. */
  async close(): Promise<void> {
    await this.#last;
    await this.#session?.endSession();
  }

  #get(): ClientSession {
    return this.#session ??= this.#client.startSession();
  }
}
