import { Counter, Histogram, type Registry } from 'prom-client';

/** An answered request; every field but the duration is from a closed set. */
interface Request {
  method: string;
  route: string;
  status: number;
  tookMs: number;
}

export function httpMetrics(registry: Registry): (request: Request) => void {
  const registers = [registry];
  const requests = new Counter({
    name: 'scheduler_http_requests_total',
    help: 'Requests answered.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'scheduler_http_request_duration_seconds',
    help: "From a request to its answer's headers.",
    labelNames: ['method', 'route'],
    buckets: [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10],
    registers,
  });
  return ({ method, route, status, tookMs }) => {
    requests.inc({ method, route, status });
    durations.observe({ method, route }, tookMs / 1000);
  };
}
