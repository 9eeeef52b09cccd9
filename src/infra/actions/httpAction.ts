/**
 * The `http` action: one request per attempt, as the action describes it. An answer that is no success fails the
 * attempt, and says whether another one may succeed, when, and whether the schedule is to be paused.
 */
import type { ActionAttempt, Execute } from '../../actors/runs/execute.ts';
import {
  type HttpAction,
  isRetryable,
  isSuccess,
  pausesSchedule,
  retryAfterMs,
} from '../../domain/actions/httpAction.ts';
import { requestOf, secretsOf } from '../../domain/actions/httpRequest.ts';
import { templateValues } from '../../domain/actions/template.ts';
import { AttemptFailure } from '../../domain/runs/attemptFailure.ts';
import { parseDuration } from '../../domain/timing/duration.ts';
import type { HttpResponse } from './http/exchange.ts';
import { RequestFailure } from './http/failure.ts';
import type { OutgoingRequest } from './http/request.ts';
import type { Sender } from './http/send.ts';
import type { ReadSecret } from './secrets.ts';
import { redacted } from './redaction.ts';
import { cloudEventHeaders, signingKey, webhookHeaders } from './signature.ts';

/** Of the answer's body (contract: 4 KiB are kept). */
const KEPT_BYTES = 4096;
/** A longer body is not read to its end, bytes. */
const READ_BYTES = 1024 * 1024;

export interface HttpActionDeps {
  sender: Pick<Sender, 'send'>;
  readSecret: ReadSecret;
  /** Server time, epoch ms. */
  nowMs: () => number;
  /** `hascheduler/1.2.3`. */
  userAgent: string;
}

export function httpAction(deps: HttpActionDeps): Execute<HttpAction> {
  return async (attempt, signal) => {
    const { action, policy } = attempt.work;
    const secrets = await readAll(deps.readSecret, secretsOf(action));
    const request = outgoing(deps, attempt, secrets);
    const limitMs = parseDuration(policy.timeout);
    const limits = { headersMs: limitMs, idleMs: limitMs, keptBytes: KEPT_BYTES, readBytes: READ_BYTES };
    const response = await deps.sender.send(request, limits, signal).catch((error: unknown) => {
      throw error instanceof RequestFailure ? failed(error) : error;
    });
    const output = redacted(outputOf(response), secrets.values());
    if (isSuccess(response.status, action.success)) return { output };
    throw refused(new URL(request.url).host, response, output, deps.nowMs());
  };
}

async function readAll(
  readSecret: ReadSecret,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  return new Map(await Promise.all(names.map(async (name) => [name, await readSecret(name)] as const)));
}

function outgoing(
  { nowMs, userAgent }: HttpActionDeps,
  { run, work: { name, action } }: ActionAttempt<HttpAction>,
  secrets: ReadonlyMap<string, string>,
): OutgoingRequest {
  const secret = (wanted: string) => secrets.get(wanted) as string;
  const { method, url, headers, body } = requestOf(action, templateValues(run, name), secret);
  const keys = (action.signing?.secrets ?? []).map((one) => signingKey(one, secret(one)));
  const text = body ?? '';
  return {
    method,
    url,
    headers: {
      'user-agent': userAgent,
      ...headers,
      ...webhookHeaders({ id: run.id, timestampS: nowMs() / 1000, body: text, keys }),
      'x-hascheduler-scheduled-for': run.scheduled_for.toISOString(),
      'x-hascheduler-attempt': String(run.attempt),
      ...(action.cloud_events && cloudEventHeaders({
        runId: run.id,
        scheduleId: run.schedule_id,
        scheduledFor: run.scheduled_for,
        source: `/schedules/${run.schedule_id}`,
      })),
    },
    body: body === null ? null : new TextEncoder().encode(body),
  };
}

/** No answer. Another attempt meets the same when the request itself, or its address, is refused here. */
function failed(failure: RequestFailure): AttemptFailure {
  const retries = failure.kind !== 'request' && failure.kind !== 'refused_target';
  return new AttemptFailure(failure.message, { retries }, { cause: failure });
}

/** An answer that is no success. */
function refused(
  host: string,
  { status, headers }: HttpResponse,
  output: string,
  nowMs: number,
): AttemptFailure {
  const location = headers.location === undefined ? '' : ' Redirects are not followed.';
  const message = `${host} answered ${status}.${status >= 300 && status < 400 ? location : ''}`;
  const waitMs = retryAfterMs(headers['retry-after'], nowMs);
  return new AttemptFailure(message, {
    retries: isRetryable(status),
    ...(waitMs !== null && { waitMs }),
    ...(pausesSchedule(status) && { pause: `paused: ${host} answered ${status}, it wants no more requests` }),
    output,
  });
}

function outputOf({ status, durationMs, bodyText, truncated }: HttpResponse): string {
  const head = `${status} after ${durationMs} ms`;
  return bodyText === '' ? head : `${head}\n\n${bodyText}${truncated ? '…' : ''}`;
}
