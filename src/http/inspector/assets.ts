/**
 * The files of the page, ready to send: its own sources (plain modules and style sheets, in `page`),
 * the statecharts laid out by scripts/charts.ts, and two libraries from their packages. Every file
 * name has a hash of the content, so browsers may cache it indefinitely; an import map resolves the
 * modules' imports. Everything is read and compressed once, at the first request.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const PAGE_DIR = new URL('./page/', import.meta.url);
const ASSETS_PATH = '/inspector/assets/';

const TYPES: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

/** The packages that modules of the page import, and the file of each. */
const PACKAGES: Record<string, string> = {
  preact: import.meta.resolve('preact'),
  'preact/hooks': import.meta.resolve('preact/hooks'),
  htm: import.meta.resolve('htm'),
};

export interface Asset {
  type: string;
  body: Uint8Array<ArrayBuffer>;
  gzipped: Uint8Array<ArrayBuffer>;
}

export interface Assets {
  /** By the name under `ASSETS_PATH`. */
  files: ReadonlyMap<string, Asset>;
  /** The URL of a file of the page, by its source name, such as `main.js`. */
  urlOf(source: string): string;
  /** The import map: each module's name, and its URL. */
  imports: Record<string, string>;
}

export async function loadAssets(): Promise<Assets> {
  const sources = await readSources();
  const files = new Map<string, Asset>();
  const urls = new Map<string, string>();
  await Promise.all([...sources].map(async ([source, body]) => {
    const extension = extname(source);
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
    const name = `${source.slice(0, -extension.length)}.${hash}${extension}`;
    urls.set(source, ASSETS_PATH + name);
    const gzipped = new Uint8Array(await promisify(gzip)(body, { level: 9 }));
    files.set(name, { type: TYPES[extension] ?? 'application/octet-stream', body, gzipped });
  }));
  const urlOf = (source: string): string => {
    const url = urls.get(source);
    if (url === undefined) throw new Error(`The page has no file ${source}.`);
    return url;
  };
  const own = [...sources.keys()].filter((source) => source.endsWith('.js')).toSorted();
  const imports = Object.fromEntries([
    ...Object.keys(PACKAGES).map((name) => [name, urlOf(packageFile(name))]),
    ...own.map((source) => [ASSETS_PATH + source, urlOf(source)]),
  ]);
  return { files, urlOf, imports };
}

/** The content of each file by its name, libraries included. */
async function readSources(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const names = (await readdir(PAGE_DIR, { recursive: true }))
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => /\.(js|css|svg|json)$/.test(name) && name !== 'tsconfig.json');
  const own = names.map(async (name) => {
    const url = new URL(name, PAGE_DIR);
    return [name, await (/\.(js|css)$/.test(name) ? readText(url, compact) : read(url))] as const;
  });
  const packages = Object.entries(PACKAGES).map(async ([name, url]) =>
    [packageFile(name), await readText(new URL(url), withoutSourceMap)] as const
  );
  return new Map(
    await Promise.all([
      ...own,
      ...packages,
    ]),
  );
}

function packageFile(name: string): string {
  return `lib-${name.replaceAll('/', '-')}.js`;
}

/** The source map is not served here. */
function withoutSourceMap(code: string): string {
  return code.replace(/\n?\/\/# sourceMappingURL=\S*\s*$/, '\n');
}

/**
 * The page's own code and styles, without types, comments and indentation, which are a fifth of them.
 * Comments begin with `/**` or `/*` and a space, which no string of the page has, or are lines of
 * their own; no string of the page spans several lines except templates, where indentation means
 * nothing.
 */
function compact(code: string): string {
  return code.replace(/\/\*\*? [^]*?\*\/ ?|\/\*\*\n[^]*?\*\/ ?/g, '').replace(/^\s*\/\/.*\n/gm, '').replace(
    /\n\s+/g,
    '\n',
  );
}

async function readText(url: URL, change: (text: string) => string): Promise<Uint8Array<ArrayBuffer>> {
  return new TextEncoder().encode(change(await readFile(url, 'utf8')));
}

async function read(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(url));
}
