import type { Context } from 'hono';
import type { ApiDeps, Route } from '../shared/api.ts';

const DESCRIPTION =
  'A highly available distributed job scheduler: any replica accepts schedules, the leader fires them.';

/** `/`: redirects browsers to the inspector; other clients get a description and the list of endpoints. */
export function rootRoutes({ replica }: ApiDeps, routes: readonly Route[]): Route[] {
  const endpoints = routes.map(({ method, path, summary }) => ({ method, path, summary }));
  const about = {
    name: 'hascheduler',
    description: DESCRIPTION,
    version: replica.version,
    replica: replica.id,
    endpoints,
  };

  function root(c: Context): Response {
    c.header('Vary', 'Accept');
    return c.req.header('accept')?.includes('text/html') ? c.redirect('/inspector') : c.json(about);
  }

  return [{ method: 'GET', path: '/', summary: 'describe the service and its endpoints', handler: root }];
}
