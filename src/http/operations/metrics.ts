import type { Route } from '../shared/api.ts';

/** All metrics, in Prometheus' text format. */
export interface Exposition {
  contentType: string;
  text(): Promise<string>;
}

/** The endpoint for Prometheus. Each replica reports only itself. */
export function metricsRoutes({ contentType, text }: Exposition): Route[] {
  return [{
    method: 'GET',
    path: '/metrics',
    summary: 'show metrics for Prometheus',
    handler: async (c) => c.body(await text(), 200, { 'Content-Type': contentType }),
  }];
}
