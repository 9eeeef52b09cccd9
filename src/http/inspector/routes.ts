import type { Context } from 'hono';
import type { Route } from '../shared/api.ts';
import { Problem } from '../shared/problem.ts';
import { loadAssets } from './assets.ts';
import { sendEncoded } from './encodings.ts';
import { inspectorHtml } from './html.ts';

/** The inspector page and its files. */
export function inspectorRoutes(): Route[] {
  let loading: ReturnType<typeof loadPage> | null = null;
  const load = () => loading ??= loadPage();

  async function page(c: Context): Promise<Response> {
    const { html } = await load();
    return sendEncoded(c, html.encodings, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': html.policy,
      'Cache-Control': 'no-cache',
    });
  }

  async function asset(c: Context): Promise<Response> {
    const { folder, name = '' } = c.req.param() as { folder?: string; name?: string };
    const path = folder === undefined ? name : `${folder}/${name}`;
    const file = (await load()).assets.files.get(path);
    if (!file) {
      throw new Problem(
        404,
        `the inspector has no file ${JSON.stringify(path.slice(0, 128))}: reload the page`,
      );
    }
    return sendEncoded(c, file.encodings, {
      'Content-Type': file.type,
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

async function loadPage() {
  const assets = await loadAssets();
  return { assets, html: await inspectorHtml(assets) };
}
