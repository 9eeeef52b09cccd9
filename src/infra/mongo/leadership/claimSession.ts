import type { Binary, ClientSession, MongoClient } from 'mongodb';

/**
 * The one logical session of all claims of this replica. Its id is stored in the lease, for a successor to
 * end what was left open in it; so it is the same for as long as the store lives.
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

  /** Whether nothing of it can be open on the server: nobody uses it, and whoever did so last was answered. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Uses the session once everybody before is done with it: it can hold one transaction at a time. */
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

  /** Waits for who uses it, so that nothing is left open in it. */
  async close(): Promise<void> {
    await this.#last;
    await this.#session?.endSession();
  }

  #get(): ClientSession {
    return this.#session ??= this.#client.startSession();
  }
}
