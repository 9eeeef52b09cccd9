import type { Logger } from '../../actors/shared/environment.ts';

/** This replica's current warnings: at most one sentence per topic, logged when it changes. */
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
      this.#logger.info('a warning is resolved', { topic, was: before });
    } else {
      this.#sentences.set(topic, sentence);
      this.#logger.warn(sentence, { topic });
    }
  }

  list(): string[] {
    return [...this.#sentences.values()];
  }
}
