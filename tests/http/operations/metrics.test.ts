import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { metricsRoutes } from '../../../src/http/operations/metrics.ts';
import { openMetrics } from '../../../src/infra/metrics/metrics.ts';
import { samplesOf } from '../../support/prometheus.ts';
import { VITALS } from '../../support/replicas.ts';
import { HOURLY, json, send, testApi } from '../support.ts';

async function setUp() {
  const losses = () => ({ lines: 0, failures: 0 });
  const metrics = openMetrics('0.1.0', () => VITALS, losses, { schedules: 1, moments: 1 });
  const { app } = await testApi({ more: metricsRoutes(metrics), onResponse: metrics.answered });
  return { app, samples: async () => samplesOf(await (await app.request('/metrics')).text()) };
}

describe('GET /metrics', () => {
  it('responds in the text format of Prometheus', async () => {
    const response = await (await setUp()).app.request('/metrics');
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(await response.text(), /^# HELP scheduler_build_info /m);
  });

  it('is among the endpoints that GET / lists', async () => {
    const { app } = await setUp();
    const { endpoints } = await json(app.request('/'));
    assert.ok(
      endpoints.some(({ method, path }: Record<string, string>) => `${method} ${path}` === 'GET /metrics'),
    );
  });

  it('counts and times requests, by route and not by path', async () => {
    const { app, samples } = await setUp();
    for (const id of ['a', 'b', 'c']) await send(app, 'POST', '/schedules', { ...HOURLY, id });
    const before = Object.keys(await samples()).length;
    for (let i = 0; i < 100; i++) await app.request(`/schedules/${i}`);
    for (let i = 0; i < 100; i++) await app.request(`/nowhere/${i}`);
    const all = await samples();
    const requests = (labels: string) => all[`scheduler_http_requests_total{${labels}}`];
    assert.equal(requests('method="POST",route="/schedules",status="201"'), 3);
    assert.equal(requests('method="GET",route="/schedules/{id}",status="404"'), 100);
    assert.equal(requests('method="GET",route="none",status="404"'), 100);
    assert.equal(
      all['scheduler_http_request_duration_seconds_count{method="GET",route="/schedules/{id}"}'],
      100,
    );
    const [series, perHistogram] = [Object.keys(all).length, 16];
    // Two routes, and /metrics itself: a counter and a histogram each.
    assert.equal(series - before, 3 * (1 + perHistogram));
  });
});
