/**
 * Why a request got no complete answer. `request`: it can't be sent as it is. `refused_target`: its address is
 * refused (see addresses.ts). `name`: the look-up of its host. `connect` and `tls`: no connection. `timeout`.
 * `protocol`: the answer is not valid HTTP. `closed`: the connection ended too early. `aborted`: by the caller.
 */
export type FailureKind =
  | 'request'
  | 'refused_target'
  | 'name'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'protocol'
  | 'closed'
  | 'aborted';

/** The message is a sentence. It names host and port, never the rest of the URL, which may hold a secret. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
  }
}

/** '' when the error has none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}

/** The error's message and code on one line, for the end of a sentence. */
export function detail(error: unknown): string {
  const message = messageOf(error).trim().replace(/\s+/g, ' ').replace(/\.$/, '');
  const code = codeOf(error);
  return code === '' || message.includes(code) ? message : `${message} (${code})`;
}

/** OpenSSL's messages have source files and addresses in memory around the reason. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { library, reason } = error as { library?: unknown; reason?: unknown };
  return library === 'SSL routines' && typeof reason === 'string' ? reason : error.message;
}
