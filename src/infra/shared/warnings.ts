import type { Logger } from '../../actors/shared/environment.ts';

/** What is wrong with this replica at the moment: each topic has at most one sentence, told in the log once. */
export class Warnings {
  readonly #logger: Logger;
  readonly #sentences = new Map<string, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `topic` is of a closed set (G9). */
  set(topic: string, sentence: string | null): void {
    const before = this.#sentences.get(topic) ?? null;
    if (sentence === before) return;
    if (sentence === null) {
      this.#sentences.delete(topic);
      this.#logger.info('a warning is settled', { topic, was: before });
    } else {
      this.#sentences.set(topic, sentence);
      this.#logger.warn(sentence, { topic });
    }
  }

  list(): string[] {
    return [...this.#sentences.values()];
  }
}
