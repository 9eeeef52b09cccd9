import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { testApi } from '../support.ts';

const { app } = await testApi();
await app.request('/schedules', {
  method: 'POST',
  body: JSON.stringify({ id: 'a', type: 'duration', definition: { interval: '1h' } }),
});

/** Objects with the fields of a schedule, and arbitrary values. */
const nearlySchedule = fc.record({
  id: fc.oneof(fc.string(), fc.constant('a'), fc.anything()),
  type: fc.oneof(fc.constantFrom('cron', 'at_times', 'duration'), fc.string()),
  definition: fc.record({
    cron_expression: fc.oneof(fc.string(), fc.stringMatching(/^[0-9*\/,-]{1,3}( [0-9*\/,-]{1,3}){4,5}$/)),
    timezone: fc.oneof(fc.constant('UTC'), fc.string()),
    interval: fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,9}(ns|us|ms|s|m|h)$/)),
    anchor: fc.oneof(fc.date().map((date) => date.toJSON()), fc.string()),
    times: fc.array(fc.oneof(fc.date().map((date) => date.toJSON()), fc.string())),
  }, { requiredKeys: [] }),
  start_at: fc.oneof(fc.date().map((date) => date.toJSON()), fc.jsonValue()),
  end_at: fc.oneof(fc.date().map((date) => date.toJSON()), fc.jsonValue()),
  paused: fc.oneof(fc.boolean(), fc.jsonValue()),
  tags: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.jsonValue()),
  policy: fc.jsonValue(),
  history: fc.jsonValue(),
  name: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
}, { requiredKeys: [] });

const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ unit: 'binary' }),
  fc.json(),
  nearlySchedule.map((value) => JSON.stringify(value)),
);

async function isNoServerError(path: string, init: RequestInit): Promise<void> {
  const response = await app.request(path, init);
  const text = await response.text();
  assert.ok(response.status < 500, `${response.status} ${text}`);
  if (response.status >= 400 && init.method !== 'HEAD') {
    assert.equal(JSON.parse(text).status, response.status);
  }
}

describe('random input never causes a server error', () => {
  it('as a body', async () => {
    const target = fc.constantFrom(['POST', '/schedules'], ['PUT', '/schedules/a']);
    await fc.assert(
      fc.asyncProperty(
        target,
        body,
        ([method = '', path = ''], bytes) => isNoServerError(path, { method, body: bytes }),
      ),
      { numRuns: 500 },
    );
  });

  it('as an id, a cursor, a filter or a precondition', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 150 }).map((value) => {
      return encodeURIComponent(value.replaceAll(/\p{Surrogate}/gu, ''));
    });
    const cursor = fc.json().map((value) => btoa(encodeURIComponent(value)));
    const method = fc.constantFrom('GET', 'DELETE', 'HEAD');
    const path = fc.oneof(
      text.map((id) => `/schedules/${id}`),
      text.map((id) => `/schedules/${id}/runs`),
      text.map((id) => `/runs/${id}`),
      fc.oneof(text, cursor, fc.jsonValue().map((value) => btoa(encodeURIComponent(JSON.stringify([value])))))
        .map((value) => `/schedules?cursor=${encodeURIComponent(value)}`),
      text.map((value) => `/schedules/a/runs?state=${value}&limit=${value}`),
    );
    const header = fc.stringMatching(/^[ -~]{0,20}$/);
    await fc.assert(
      fc.asyncProperty(
        method,
        path,
        header,
        (verb, where, ifMatch) => isNoServerError(where, { method: verb, headers: { 'if-match': ifMatch } }),
      ),
      { numRuns: 500 },
    );
  });
});
