/** Sentences for what can go wrong with a request that has a connection. */
import { codeOf, detail, type FailureKind, RequestFailure } from './failure.ts';

/**
 * `where` is host and port; `status` that of the response, null before its headers are complete. The request may
 * have had its effect in any case.
 */
export function exchangeFailure(error: Error, where: string, status: number | null): RequestFailure {
  if (error instanceof RequestFailure) return error;
  const [kind, sentence] = protocolProblem(error, where, status) ?? otherProblem(error, where, status);
  return new RequestFailure(kind, sentence, error);
}

type Problem = [kind: FailureKind, sentence: string];

/** Null when the receiver kept to HTTP. */
function protocolProblem(error: Error, where: string, status: number | null): Problem | null {
  const sent = status === null ? `${where} sent` : `${where} answered ${status}, but sent`;
  const code = codeOf(error);
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return ['protocol', `${sent} more header fields than fit into 16 KiB.`];
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    // Before the body, the parser found another fault, which undici takes for this one.
    return [
      'protocol',
      status === null
        ? `${sent} what is not HTTP/1.1.`
        : `${sent} a body that is not as long as its content-length says.`,
    ];
  }
  // undici tells these two apart from a closed connection by their messages alone.
  if (code === 'UND_ERR_SOCKET' && error.message === 'bad response') {
    return ['protocol', `${sent} 100 (Continue), for which the request did not ask.`];
  }
  if (code === 'UND_ERR_SOCKET' && error.message === 'bad upgrade') {
    return ['protocol', `${sent} 101 (Switching Protocols), for which the request did not ask.`];
  }
  // undici asserts some of what HTTP demands, for instance that a 101 names a protocol.
  if (code === 'ERR_ASSERTION') return ['protocol', `${sent} what is not HTTP/1.1.`];
  return error.name === 'HTTPParserError' && !isEarlyEnd(error)
    ? ['protocol', `${sent} what is not HTTP/1.1: ${parserReason(error)}.`]
    : null;
}

function otherProblem(error: Error, where: string, status: number | null): Problem {
  const code = codeOf(error);
  if (isEarlyEnd(error)) return ['closed', closedText(where, status, 'closed')];
  switch (code) {
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
    case 'ECONNABORTED':
    case 'EPIPE':
      return ['closed', closedText(where, status, code === 'ECONNRESET' ? 'reset' : 'closed')];
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return ['aborted', `The request to ${where} was aborted: this replica stops.`];
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
      return ['request', `The request to ${where} can't be sent as it is: ${detail(error)}.`];
    default:
      return ['closed', `The connection to ${where} failed: ${detail(error)}.`];
  }
}

function closedText(where: string, status: number | null, how: string): string {
  return status === null
    ? `${where} ${how} the connection before its answer was there.`
    : `${where} answered ${status}, but ${how} the connection in the middle of the body.`;
}

/** The parser has codes for its faults, but undici does not pass them on. */
function isEarlyEnd(error: Error): boolean {
  return error.name === 'HTTPParserError' && parserReason(error) === 'Invalid EOF state';
}

/** The parser's own words, which undici puts in parentheses. */
function parserReason(error: Error): string {
  return /\((.+)\)$/.exec(error.message)?.[1] ?? detail(error);
}
