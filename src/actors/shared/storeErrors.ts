/**
 * How a store fails. A call that could not be answered rejects with `StoreUnavailable`, one that the store would not
 * carry out with `StoreRefused`; either may or may not have taken effect, and each method says what that means.
 * Everything else that a store can say is a value, not an exception.
 */

/** The store could not be reached, or did not answer in time: the call may or may not have taken effect. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}

/**
 * The store was reached and said no: its disk is full, a right is missing, a validator objects. Who calls does as
 * when there is no answer (of several writes some may have been made), and tries again; but somebody has to see
 * to the store before it helps.
 */
export class StoreRefused extends StoreUnavailable {
  override name = 'StoreRefused';
  /** The store's own name for it, of a closed set: `OutOfDiskSpace`. */
  readonly reason: string;

  constructor(message: string, reason: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * The store has done nothing about a change, on purpose: it can't take it now. Nothing is wrong with it; `message` is a
 * sentence for the client, who may try again.
 */
export class ChangeDeclined extends Error {
  override name = 'ChangeDeclined';
}

/** What the store holds, this version does not understand: somebody has to see to it. */
export class NotUnderstoodError extends StoreRefused {
  override name = 'NotUnderstoodError';

  constructor(message: string) {
    super(message, 'NotUnderstood');
  }
}

/** The lease document is not there: the store was never prepared, or the document was deleted. */
export class LeaseMissing extends StoreUnavailable {
  override name = 'LeaseMissing';

  constructor() {
    super('the store has no lease document: it was deleted, or the store was never prepared');
  }
}
