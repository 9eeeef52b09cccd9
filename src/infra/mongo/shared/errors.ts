import {
  MongoBulkWriteError,
  MongoError,
  MongoErrorLabel,
  MongoNetworkError,
  MongoServerError,
  MongoSystemError,
} from 'mongodb';
import { StoreRefused, StoreUnavailable } from '../../../actors/shared/storeErrors.ts';

export const DUPLICATE_KEY = 11000;

/**
 * What a server says that could carry out the call, were it allowed to: whatever labels come with it. Any other
 * code that is not in NOT_NOW is a refusal as well.
 */
const REFUSALS = new Map([
  [13, 'Unauthorized'],
  [18, 'AuthenticationFailed'],
  [121, 'DocumentValidationFailure'],
  [8000, 'AtlasError'], // Atlas says so of a quota that is used up.
  [14031, 'OutOfDiskSpace'],
]);

/** Server errors that say nothing about the call, only that it could not be carried out here and now. */
const NOT_NOW = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  24, // LockTimeout
  46, // LockBusy
  50, // MaxTimeMSExpired
  64, // WriteConcernFailed
  79, // UnknownReplWriteConcern
  89, // NetworkTimeout
  91, // ShutdownInProgress
  94, // NotYetInitialized
  100, // UnsatisfiableWriteConcern
  112, // WriteConflict
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  189, // PrimarySteppedDown
  202, // NetworkInterfaceExceededTimeLimit
  225, // TransactionTooOld
  234, // RetryChangeStream
  246, // SnapshotUnavailable
  251, // NoSuchTransaction
  262, // ExceededTimeLimit
  290, // TransactionExceededLifetimeLimitSeconds
  317, // ConnectionPoolExpired
  384, // ConnectionError
  391, // ReauthenticationRequired
  9001, // SocketException
  10058, // LegacyNotPrimary
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11601, // Interrupted
  11602, // InterruptedDueToReplStateChange
  13388, // StaleConfig
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
]);

/** What Node and Deno say of a write to a connection whose other end is gone. */
const BROKEN_CONNECTION = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

/** Client errors of a driver that was closed or lost its connection in between. */
const CLOSED = new Set([
  'MongoClientClosedError',
  'MongoCursorExhaustedError',
  'MongoExpiredSessionError',
  'MongoNotConnectedError',
  'MongoServerClosedError',
  'MongoStalePrimaryError',
  'MongoTopologyClosedError',
  'MongoWaitQueueTimeoutError',
]);

/**
 * Runs a call; what means "not reachable" or "not now" becomes `StoreUnavailable`, and what else the server may
 * object `StoreRefused`, with the driver's error as the cause.
 */
export async function answered<T>(op: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw asStoreError(op, error);
  }
}

/** The same for an error that was caught elsewhere. Errors of programming stay what they are. */
export function asStoreError(op: string, thrown: unknown): Error {
  const error = unwrapped(thrown);
  if (meansRefused(error)) return refused(op, error);
  return meansUnavailable(error) ? unavailable(op, error) : error as Error;
}

export function unavailable(op: string, cause: unknown): StoreUnavailable {
  return new StoreUnavailable(`MongoDB did not carry out ${op}: ${(cause as Error).message}`, { cause });
}

function refused(op: string, cause: MongoServerError): StoreRefused {
  const reason = cause.codeName ?? REFUSALS.get(Number(cause.code)) ?? `code ${cause.code ?? 'unknown'}`;
  return new StoreRefused(`MongoDB refused ${op}: ${cause.message}`, reason, { cause });
}

export function hasCode(error: unknown, code: number): boolean {
  return error instanceof MongoServerError && error.code === code;
}

export function hasLabel(error: unknown, label: string): boolean {
  return error instanceof MongoError && error.hasErrorLabel(label);
}

/** What a bulk write failed of: the driver makes a server's error of it, whatever it was, and may drop its code. */
function unwrapped(error: unknown): unknown {
  if (!(error instanceof MongoBulkWriteError)) return error;
  const { errorResponse, err } = error;
  if (errorResponse instanceof Error) return errorResponse;
  return err?.code === undefined
    ? error
    : new MongoServerError({ message: err.errmsg ?? '', code: err.code });
}

function meansRefused(error: unknown): error is MongoServerError {
  if (!(error instanceof MongoServerError)) return false;
  return REFUSALS.has(Number(error.code)) || !meansUnavailable(error);
}

function meansUnavailable(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoSystemError) return true;
  // The addresses of a mongodb+srv URI are looked up by Node itself.
  if (error instanceof Error && 'syscall' in error) return true;
  // A write to a connection that has just broken fails with the runtime's own error.
  if (error instanceof Error && 'code' in error && BROKEN_CONNECTION.has(String(error.code))) return true;
  if (error instanceof MongoError && CLOSED.has(error.name)) return true;
  return Object.values(MongoErrorLabel).some((label) => hasLabel(error, label)) ||
    error instanceof MongoServerError && NOT_NOW.has(Number(error.code));
}
