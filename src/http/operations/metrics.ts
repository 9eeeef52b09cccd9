import type { Route } from '../shared/api.ts';

/** Everything that is measured, in Prometheus' text format. */
export interface Exposition {
  contentType: string;
  text(): Promise<string>;
}

/** The endpoint for Prometheus. Each replica tells of itself only. */
export function metricsRoutes({ contentType, text }: Exposition): Route[] {
  return [{
    method: 'GET',
    path: '/metrics',
    summary: 'show metrics for Prometheus',
    handler: async (c) => c.body(await text(), 200, { 'Content-Type': contentType }),
  }];
}
