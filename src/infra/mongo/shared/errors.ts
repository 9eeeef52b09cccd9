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
export const WRITE_CONFLICT = 112;

/**
 * Errors of a server that could carry out the call were it permitted to, whatever their labels. Any
 * other code that is not in NOT_NOW is a refusal as well.
 */
const REFUSALS = new Map([
  [13, 'Unauthorized'],
  [18, 'AuthenticationFailed'],
  [121, 'DocumentValidationFailure'],
  [8000, 'AtlasError'], // Atlas's answer to an exhausted quota.
  [14031, 'OutOfDiskSpace'],
]);

/** Transient server errors: they say nothing about the call, which failed only here and now. */
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

/** Error codes of Node and Deno for a write to a connection whose peer is gone. */
const BROKEN_CONNECTION = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

/** Client errors of a driver that was closed or has lost its connection. */
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
 * Runs a call. Unreachability and transient errors become `StoreUnavailable`, all other server
 * errors `StoreRefused`, with the driver's error as the cause.
 */
export async function storeCall<T>(op: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw asStoreError(op, error);
  }
}

/** The same for an error caught elsewhere. Programming errors stay unchanged. */
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

/**
 * The cause of a failed bulk write: the driver makes a server error of any cause, and may drop its
 * code.
 */
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
  // Node itself resolves the addresses of a mongodb+srv URI.
  if (error instanceof Error && 'syscall' in error) return true;
  // A write to a connection that has just broken fails with the runtime's own error.
  if (error instanceof Error && 'code' in error && BROKEN_CONNECTION.has(String(error.code))) return true;
  if (error instanceof MongoError && CLOSED.has(error.name)) return true;
  return Object.values(MongoErrorLabel).some((label) => hasLabel(error, label)) ||
    error instanceof MongoServerError && NOT_NOW.has(Number(error.code));
}
