import type { Context } from 'hono';
import type { Route } from '../shared/api.ts';
import { Problem } from '../shared/problem.ts';
import { type Assets, loadAssets } from './assets.ts';
import { type Html, inspectorHtml } from './html.ts';

/** The inspector page and its files. */
export function inspectorRoutes(): Route[] {
  let loading: Promise<Assets & Html> | null = null;
  const load = () => loading ??= loadAssets().then((assets) => ({ ...assets, ...inspectorHtml(assets) }));

  async function page(c: Context): Promise<Response> {
    const { body, gzipped, policy } = await load();
    return send(c, 'text/html; charset=utf-8', body, gzipped, {
      'Content-Security-Policy': policy,
      'Cache-Control': 'no-cache',
    });
  }

  async function asset(c: Context): Promise<Response> {
    const { folder, name = '' } = c.req.param() as { folder?: string; name?: string };
    const path = folder === undefined ? name : `${folder}/${name}`;
    const file = (await load()).files.get(path);
    if (!file) {
      throw new Problem(
        404,
        `the inspector has no file ${JSON.stringify(path.slice(0, 128))}: reload the page`,
      );
    }
    return send(c, file.type, file.body, file.gzipped, {
      'Cache-Control': 'public, max-age=31536000, immutable',
    });
  }

  return [
    { method: 'GET', path: '/inspector', summary: 'show what the cluster does, as a page', handler: page },
    {
      method: 'GET',
      path: '/inspector/assets/{name}',
      summary: 'get a file of that page',
      handler: asset,
    },
    {
      method: 'GET',
      path: '/inspector/assets/{folder}/{name}',
      summary: 'get a file of a part of that page',
      handler: asset,
    },
  ];
}

type Body = string | Uint8Array<ArrayBuffer>;

function send(
  c: Context,
  type: string,
  body: Body,
  gzipped: Body,
  headers: Record<string, string>,
): Response {
  const zipped = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
  return c.body(zipped ? gzipped : body, 200, {
    ...headers,
    'Content-Type': type,
    Vary: 'Accept-Encoding',
    ...(zipped && { 'Content-Encoding': 'gzip' }),
  });
}
