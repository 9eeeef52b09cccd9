/**
 * One request and its response, as undici reports them.
 *
 * connecting: the client opens a connection, unless it has one. The connector limits this phase.
 * waiting: the request is on its way; ends with the response's headers, or after `headersMs`. 1xx are not these.
 * reading: ends with the body, at `readBytes`, or when nothing comes for `idleMs`.
 * ended: settled, once. What undici still reports is ignored.
 *
 * The caller's signal ends every phase. undici's own time limits are off: they are up to a second late. The
 * connection is the caller's to keep or to close, by `isComplete`.
 */
import type { Dispatcher } from 'undici';
import type { Clock } from '../../../actors/shared/environment.ts';
import { exchangeFailure } from './exchangeFailure.ts';
import { codeOf, RequestFailure } from './failure.ts';
import { KeptBody } from './keptBody.ts';

export interface Limits {
  /** From the connection to the end of the response's headers, ms. */
  headersMs: number;
  /** Between two parts of the body, ms. */
  idleMs: number;
  /** Of the body, as `bodyText`. */
  keptBytes: number;
  /** A longer body is not read to its end: the connection is closed, and the response counts as it is. */
  readBytes: number;
}

export interface HttpResponse {
  status: number;
  /** Those of `KEPT_HEADERS` that the response has, by name in lower case. */
  headers: Record<string, string>;
  /** The beginning of the body, UTF-8. */
  bodyText: string;
  /** There is more of the body than `bodyText`. */
  truncated: boolean;
  /** From the beginning of the connection to the end of the body, in whole ms. */
  durationMs: number;
}

const LENGTH_MISMATCH = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';

const KEPT_HEADERS = ['content-type', 'location', 'retry-after'];

export interface ExchangeOptions {
  /** Host and port, for sentences. */
  where: string;
  limits: Limits;
  clock: Clock;
  signal: AbortSignal;
}

type Phase = 'connecting' | 'waiting' | 'reading' | 'ended';

/** When an exchange is aborted. */
const WHEN: Record<Phase, string> = {
  connecting: 'before it was sent',
  waiting: 'before its answer was there',
  reading: 'in the middle of its answer',
  ended: 'after its answer',
};

type Controller = Dispatcher.DispatchController;

export class Exchange implements Dispatcher.DispatchHandler {
  /** Rejects with a RequestFailure. */
  readonly response: Promise<HttpResponse>;
  readonly #options: ExchangeOptions;
  readonly #startedMs: number;
  readonly #body: KeptBody;
  readonly #aborted = () => this.#abort();
  #resolve!: (response: HttpResponse) => void;
  #reject!: (failure: RequestFailure) => void;
  #phase: Phase = 'connecting';
  #isComplete = false;
  #head: Pick<HttpResponse, 'status' | 'headers'> | null = null;
  #timer: unknown;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
    this.#body = new KeptBody(options.limits.keptBytes);
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (options.signal.aborted) this.#abort();
    else options.signal.addEventListener('abort', this.#aborted, { once: true });
  }

  /** The response was read to its end: its connection may serve another request. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  onRequestStart(): void {
    if (this.#phase !== 'connecting') return;
    this.#phase = 'waiting';
    const { headersMs } = this.#options.limits;
    this.#arm(headersMs, () => `${this.#options.where} did not answer within ${headersMs} ms.`);
  }

  onResponseStart(
    _: Controller,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#phase !== 'waiting' || status < 200) return;
    this.#phase = 'reading';
    this.#head = { status, headers: keptHeaders(headers) };
    this.#armIdle(status);
  }

  onResponseData(_: Controller, chunk: Uint8Array): void {
    if (this.#phase !== 'reading' || this.#head === null) return;
    this.#body.add(chunk);
    if (this.#body.read <= this.#options.limits.readBytes) return this.#armIdle(this.#head.status);
    this.#succeed({ isWhole: false });
  }

  onResponseEnd(): void {
    if (this.#phase !== 'reading') return;
    this.#isComplete = true;
    this.#succeed({ isWhole: true });
  }

  onResponseError(_: Controller, error: Error): void {
    // The content-length of a 304 is that of the body which it leaves out; undici looks for that body.
    const isWhole = this.#head?.status === 304 && this.#body.read === 0 && codeOf(error) === LENGTH_MISMATCH;
    if (isWhole && this.#phase === 'reading') return this.#succeed({ isWhole });
    this.#fail(exchangeFailure(error, this.#options.where, this.#head?.status ?? null));
  }

  #armIdle(status: number): void {
    const { where, limits: { idleMs } } = this.#options;
    this.#arm(
      idleMs,
      () => `${where} answered ${status}, but sent nothing more of the body for ${idleMs} ms.`,
    );
  }

  #arm(limitMs: number, sentence: () => string): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.#fail(new RequestFailure('timeout', sentence())), limitMs);
  }

  #abort(): void {
    const { where, signal } = this.#options;
    const sentence = `The request to ${where} was aborted ${WHEN[this.#phase]}.`;
    this.#fail(new RequestFailure('aborted', sentence, signal.reason));
  }

  #succeed({ isWhole }: { isWhole: boolean }): void {
    if (this.#head === null) return;
    this.#end();
    this.#resolve({
      ...this.#head,
      ...this.#body.text({ isWhole }),
      durationMs: Math.round(this.#options.clock.monotonic() - this.#startedMs),
    });
  }

  #fail(failure: RequestFailure): void {
    if (this.#phase === 'ended') return;
    this.#end();
    this.#reject(failure);
  }

  #end(): void {
    this.#phase = 'ended';
    this.#options.clock.clearTimeout(this.#timer);
    this.#options.signal.removeEventListener('abort', this.#aborted);
  }
}

function keptHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(KEPT_HEADERS.flatMap((name) => {
    const value = headers[name];
    const first = Array.isArray(value) ? value[0] : value;
    return first === undefined ? [] : [[name, first]];
  }));
}
