import { createHash } from 'node:crypto';
import { type Assets, STYLES } from './assets.ts';
import { type Encodings, encodingsOf } from './encodings.ts';

export interface Html {
  encodings: Encodings;
  /** The matching Content-Security-Policy: only this page's own files, and no inline script but the import map. */
  policy: string;
}

/** The page's HTML. Its only inline script is the import map, which the policy allows by its hash. */
export async function inspectorHtml({ urlOf, imports }: Assets): Promise<Html> {
  const map = JSON.stringify({ imports });
  const preloads = [...new Set(Object.values(imports))];
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="description" content="The cluster: its leader, terms, schedules and runs.">
<title>hascheduler</title>
<link rel="icon" href="${urlOf('icon.svg')}">
<link rel="stylesheet" href="${urlOf(STYLES)}">
<script src="${urlOf('first.js')}"></script>
<script type="importmap">${map}</script>
${preloads.map((url) => `<link rel="modulepreload" href="${url}">`).join('\n')}
<script type="module" src="${urlOf('main.js')}"></script>
</head>
<body data-charts="${urlOf('charts.json')}">
<div id="app"><p class="boot">Loading the inspector …</p></div>
<noscript><p class="boot">The inspector needs JavaScript. The same data is at /cluster, /leadership and /schedules.</p></noscript>
</body>
</html>
`;
  const hash = createHash('sha256').update(map).digest('base64');
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { encodings: await encodingsOf(new TextEncoder().encode(body)), policy };
}
