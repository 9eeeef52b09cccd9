import type { Context } from 'hono';
import type { ApiDeps, Route } from './api.ts';

const WHAT =
  'A highly available distributed scheduler: any replica takes schedules, the one that leads fires them.';

/** `/`: what this is and what there is, as a page for browsers and as JSON for others. */
export function rootRoutes({ replica }: ApiDeps, routes: readonly Route[]): Route[] {
  const endpoints = routes.map(({ method, path, summary }) => ({ method, path, summary }));
  const about = {
    name: 'hascheduler',
    description: WHAT,
    version: replica.version,
    replica: replica.id,
    endpoints,
  };

  function root(c: Context): Response {
    c.header('Vary', 'Accept');
    return c.req.header('accept')?.includes('text/html') ? c.html(page(about)) : c.json(about);
  }

  return [{ method: 'GET', path: '/', summary: 'say what this is', handler: root }];
}

/** Without styles and scripts of its own: the Content-Security-Policy forbids both. */
function page({ description, version, replica, endpoints }: {
  description: string;
  version: string;
  replica: string;
  endpoints: Pick<Route, 'method' | 'path' | 'summary'>[];
}): string {
  const rows = endpoints.map(({ method, path, summary }) => {
    const linked = method === 'GET' && !path.includes('{');
    const name = linked ? `<a href="${path}">${path}</a>` : path;
    return `<tr><td>${method}</td><td><code>${name}</code></td><td>${escape(summary)}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>hascheduler</title>
</head>
<body>
<h1>hascheduler</h1>
<p>${escape(description)}</p>
<p>This is replica ${escape(replica)}, version ${escape(version)}.</p>
<table>
<thead><tr><th>Method</th><th>Path</th><th>What it does</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</body>
</html>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
