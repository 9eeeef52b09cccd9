/** The HTTP API. Every replica serves all of it, from the store. Errors are RFC 9457 problems. */
import { Hono, type MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { Responses } from './shared/responses.ts';
import type { ApiDeps, Route } from './shared/api.ts';
import { backfillRoutes } from './runs/backfills.ts';
import { commandRoutes } from './schedules/commands.ts';
import { clusterRoutes } from './leadership/cluster.ts';
import { healthRoutes } from './operations/health.ts';
import { refuseOtherHosts } from './server/hosts.ts';
import { inspectorRoutes } from './inspector/routes.ts';
import { refuseOtherOrigins } from './server/origin.ts';
import { occurrenceRoutes } from './schedules/occurrences.ts';
import { refuseRepeated } from './shared/paging.ts';
import { Problem, problemResponse, toProblem } from './shared/problem.ts';
import { rootRoutes } from './operations/root.ts';
import { runCommandRoutes } from './runs/runCommands.ts';
import { runRoutes } from './runs/runs.ts';
import { scheduleRoutes } from './schedules/schedules.ts';
import { termRoutes } from './leadership/terms.ts';

/** The API as a fetch handler, with `more` endpoints beside its own. Does not listen: see server.ts. */
export function createApp(given: ApiDeps, more: readonly Route[] = []): Hono {
  const deps = { ...given, responses: new Responses(given.clock) };
  const endpoints = [
    ...scheduleRoutes(deps),
    ...occurrenceRoutes(deps),
    ...commandRoutes(deps),
    ...runRoutes(deps),
    ...backfillRoutes(deps),
    ...runCommandRoutes(deps),
    ...clusterRoutes(deps),
    ...termRoutes(deps),
    ...healthRoutes(deps),
    ...inspectorRoutes(),
    ...more,
  ];
  const routes = [...endpoints, ...rootRoutes(deps, endpoints)];

  const app = new Hono();
  app.onError((error, c) => problemResponse(c, toProblem(error, c, deps.logger)));
  app.notFound((c) =>
    problemResponse(c, new Problem(404, `there is no endpoint at ${c.req.path}; GET / lists all of them`))
  );
  app.use(
    accessLog(deps, routes),
    securityHeaders,
    refuseOtherHosts(deps.hosts),
    refuseOtherOrigins(deps.hosts),
  );
  app.use(refuseRepeated);
  for (const route of routes) app.on(route.method, pattern(route.path), guarded(deps, route));
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map((route) => route.method);
    app.all(pattern(path), (c) => problemResponse(c, methodNotAllowed(c.req.method, path, methods)));
  }
  return app;
}

/** Hono's spelling of a path: `/schedules/:id`. */
function pattern(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function methodNotAllowed(method: string, path: string, methods: readonly string[]): Problem {
  const allow = methods.flatMap((name) => name === 'GET' ? ['GET', 'HEAD'] : [name]).join(', ');
  return new Problem(405, `${path} does not support ${method}; it supports ${allow}`, {
    headers: { Allow: allow },
  });
}

/** Refuses writes until the store has been verified: a schedule written before could not fire. */
function guarded({ status }: ApiDeps, { method, changesNothing, handler }: Route): Route['handler'] {
  if (method === 'GET' || changesNothing) return handler;
  return (c) => {
    const { state, reasons } = status();
    if (state !== 'connecting') return handler(c);
    const detail = `changes are refused until the store is prepared, and nothing was changed: ${
      reasons.join('; ')
    }`;
    throw new Problem(503, detail, { reasons, headers: { 'Retry-After': '1' } });
  };
}

/** A handler's own headers take precedence: the inspector's files may be cached, and its page has scripts. */
const securityHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  const { headers } = c.res;
  headers.set('X-Content-Type-Options', 'nosniff');
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store');
  if (!headers.has('Content-Security-Policy')) headers.set('Content-Security-Policy', NO_CONTENT);
};

const NO_CONTENT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function accessLog({ clock, logger, onResponse }: ApiDeps, routes: readonly Route[]): MiddlewareHandler {
  const paths = new Map(routes.map(({ path }) => [pattern(path), path]));
  const methods = new Set<string>([...routes.map(({ method }) => method), 'HEAD']);
  return async (c, next) => {
    const startMs = clock.monotonic();
    await next();
    const { method, path } = c.req;
    const { status } = c.res;
    const tookMs = clock.monotonic() - startMs;
    logger.debug('request', { method, path, status, duration_ms: tookMs });
    // The last matching route is the endpoint, those before it are middleware.
    const route = paths.get(routePath(c, -1)) ?? 'none';
    onResponse?.({ method: methods.has(method) ? method : 'OTHER', route, status, tookMs });
  };
}
