/** What the `http` action sends, and what it makes of the answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { HttpAction } from '../../../src/domain/actions/httpAction.ts';
import { httpActionFields } from '../../../src/domain/actions/httpFields.ts';
import { AttemptFailure } from '../../../src/domain/runs/attemptFailure.ts';
import { workOf } from '../../../src/domain/runs/run.ts';
import type { HttpResponse } from '../../../src/infra/actions/http/exchange.ts';
import { RequestFailure } from '../../../src/infra/actions/http/failure.ts';
import type { OutgoingRequest } from '../../../src/infra/actions/http/request.ts';
import { httpAction } from '../../../src/infra/actions/httpAction.ts';
import { owned } from '../../support/runs.ts';

const KEY = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const SECRETS: Record<string, string> = { KEY, TOKEN: 't0p-secret/+', OTHER: 'whsec_' + 'B'.repeat(32) };
const RUN = owned('s', Date.UTC(2030, 0, 1), { attempt: 2 });
const OK: HttpResponse = { status: 200, headers: {}, bodyText: 'fine', truncated: false, durationMs: 12 };

/** An attempt that gets this answer. */
async function attempt(
  action: Partial<HttpAction>,
  answer: Partial<HttpResponse> | Error = {},
): Promise<{ sent: OutgoingRequest | null; output: string | null; error: Error | null }> {
  let sent: OutgoingRequest | null = null;
  const execute = httpAction({
    sender: {
      send(request) {
        sent = request;
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve({ ...OK, ...answer });
      },
    },
    readSecret(name) {
      const secret = SECRETS[name];
      return secret === undefined ? Promise.reject(new Error(`no ${name}`)) : Promise.resolve(secret);
    },
    nowMs: Date.now,
    userAgent: 'hascheduler/test',
  });
  const whole = httpActionFields.parse({
    type: 'http',
    url: 'https://a.example/hook',
    ...action,
  }) as HttpAction;
  const work = { ...workOf(RUN), name: 'nightly', action: whole };
  return await execute({ run: RUN, work }, new AbortController().signal)
    .then(({ output }) => ({ sent, output, error: null }), (error: Error) => ({ sent, output: null, error }));
}

function adviceIn({ error }: { error: Error | null }) {
  assert.ok(error instanceof AttemptFailure, String(error));
  return error.advice;
}

describe('the http action', () => {
  it('sends the filled-in request with the headers of a delivery', async () => {
    const { sent, output } = await attempt({
      url: 'https://a.example/hook?run={{run.id}}',
      headers: { Authorization: 'Bearer {{secret.TOKEN}}' },
      body: { of: '{{schedule.name}}' },
    });
    assert.equal(output, '200 after 12 ms\n\nfine');
    assert.equal(sent?.url, `https://a.example/hook?run=${encodeURIComponent(RUN.id)}`);
    assert.equal(new TextDecoder().decode(sent.body as Uint8Array), '{"of":"nightly"}');
    const { 'webhook-timestamp': second, ...headers } = sent.headers;
    assert.ok(Math.abs(Number(second) - Date.now() / 1000) < 60);
    assert.deepEqual(headers, {
      'user-agent': 'hascheduler/test',
      'Content-Type': 'application/json',
      Authorization: 'Bearer t0p-secret/+',
      'webhook-id': RUN.id,
      'x-hascheduler-scheduled-for': '2030-01-01T00:00:00.000Z',
      'x-hascheduler-attempt': '2',
    });
  });

  it('signs by each of its secrets, as receivers of Standard Webhooks verify', async () => {
    const { sent } = await attempt({ body: { test: 1 }, signing: { secrets: ['KEY', 'OTHER'] } });
    const text = new TextDecoder().decode(sent?.body as Uint8Array);
    for (const secret of [KEY, SECRETS.OTHER as string]) {
      assert.deepEqual(new Webhook(secret).verify(text, sent?.headers as Record<string, string>), {
        test: 1,
      });
    }
    assert.throws(() =>
      new Webhook('whsec_' + 'C'.repeat(32)).verify(text, sent?.headers as Record<string, string>)
    );
  });

  it('adds the attributes of a CloudEvent on request', async () => {
    const { sent } = await attempt({ cloud_events: true });
    assert.equal(sent?.headers['ce-id'], RUN.id);
    assert.equal(sent.headers['ce-source'], '/schedules/s');
  });

  it('counts the statuses that the action names as success, and says what the others were', async () => {
    assert.equal((await attempt({ success: [404] }, { status: 404 })).error, null);
    const failed = await attempt({}, { status: 503, bodyText: 'busy' });
    assert.equal(failed.error?.message, 'a.example answered 503.');
    assert.deepEqual(adviceIn(failed), { retries: true, output: '503 after 12 ms\n\nbusy' });
    const redirect = await attempt({}, { status: 302, headers: { location: 'http://127.0.0.1/' } });
    assert.equal(redirect.error?.message, 'a.example answered 302. Redirects are not followed.');
    assert.equal(adviceIn(redirect).retries, false);
  });

  it('retries when the receiver asks for it, and not before it asks for', async () => {
    const busy = await attempt({}, { status: 429, headers: { 'retry-after': '7' } });
    assert.deepEqual([adviceIn(busy).retries, adviceIn(busy).waitMs], [true, 7000]);
    assert.equal(adviceIn(await attempt({}, { status: 404 })).retries, false);
  });

  it('pauses the schedule of a receiver that is gone', async () => {
    const gone = adviceIn(await attempt({}, { status: 410 }));
    assert.deepEqual([gone.retries, gone.pause], [
      false,
      'paused: a.example answered 410, it wants no more requests',
    ]);
  });

  it('retries after a failure of the network, and not when the request itself is refused here', async () => {
    const failures = {
      connect: true,
      timeout: true,
      closed: true,
      request: false,
      refused_target: false,
    } as const;
    for (const [kind, retries] of Object.entries(failures)) {
      const failed = await attempt({}, new RequestFailure(kind as keyof typeof failures, 'why.'));
      assert.deepEqual([failed.error?.message, adviceIn(failed).retries], ['why.', retries], kind);
    }
  });

  it('fails with a sentence when a secret is missing, and does not send', async () => {
    const { sent, error } = await attempt({ headers: { 'X-Key': '{{secret.NONE}}' } });
    assert.deepEqual([sent, error?.message], [null, 'no NONE']);
  });

  it('hides its secrets in what it keeps of the answer', async () => {
    const echoed = `{"got":"Bearer t0p-secret/+","url":"?x=t0p-secret%2F%2B"}`;
    const { output } = await attempt({ headers: { A: '{{secret.TOKEN}}' } }, { bodyText: echoed });
    assert.equal(output, '200 after 12 ms\n\n{"got":"Bearer •••","url":"?x=•••"}');
  });
});
