/**
 * The errors of a store. An unanswered call rejects with `StoreUnavailable`, a refused one with
 * `StoreRefused`; either may or may not have taken effect, and each method says what that means.
 * Apart from `ChangeDeclined`, every other result is a value, not an exception.
 */

/** The store could not be reached, or did not answer in time: the call may or may not have taken effect. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}

/**
 * The store answered with a refusal: its disk is full, a privilege is missing, a validator rejects.
 * Callers treat it like a missing answer (some of several writes may have taken effect), and retry; the
 * retries fail until an operator repairs the store.
 */
export class StoreRefused extends StoreUnavailable {
  override name = 'StoreRefused';
  /** The store's own error name, from a closed set: `OutOfDiskSpace`. */
  readonly reason: string;

  constructor(message: string, reason: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * The store deliberately declined a change, and wrote nothing: it can't take it now. The store is
 * healthy; `message` is a sentence for the client, which may retry.
 */
export class ChangeDeclined extends Error {
  override name = 'ChangeDeclined';
}

/** This version does not understand a stored document: an operator must act. */
export class NotUnderstoodError extends StoreRefused {
  override name = 'NotUnderstoodError';

  constructor(message: string) {
    super(message, 'NotUnderstood');
  }
}

/** The lease document is missing: the store was never prepared, or the document was deleted. */
export class LeaseMissing extends StoreUnavailable {
  override name = 'LeaseMissing';

  constructor() {
    super('the store has no lease document: it was deleted, or the store was never prepared');
  }
}
