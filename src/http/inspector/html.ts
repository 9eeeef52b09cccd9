import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Assets } from './assets.ts';

export interface Html {
  body: string;
  gzipped: Uint8Array<ArrayBuffer>;
  /** The matching Content-Security-Policy: only this page's own files, and nothing inline. */
  policy: string;
}

/** The document. Its only inline content is the import map, which the policy allows by its hash. */
export function inspectorHtml({ urlOf, imports }: Assets): Html {
  const map = JSON.stringify({ imports });
  const preloads = [...new Set(Object.values(imports))];
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="description" content="Who leads, why, and what every schedule does.">
<title>hascheduler</title>
<link rel="icon" href="${urlOf('icon.svg')}">
<link rel="stylesheet" href="${urlOf('base.css')}">
<link rel="stylesheet" href="${urlOf('parts.css')}">
<link rel="stylesheet" href="${urlOf('views.css')}">
<script src="${urlOf('first.js')}"></script>
<script type="importmap">${map}</script>
${preloads.map((url) => `<link rel="modulepreload" href="${url}">`).join('\n')}
<script type="module" src="${urlOf('main.js')}"></script>
</head>
<body data-charts="${urlOf('charts.json')}">
<div id="app"><p class="boot">Loading the inspector …</p></div>
<noscript><p class="boot">The inspector needs JavaScript. Without it: GET /cluster, /leadership and /schedules.</p></noscript>
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
  return { body, gzipped: new Uint8Array(gzipSync(body)), policy };
}
