/**
 * The files of the page, ready to send: its own sources (plain modules and style sheets, in `page`),
 * the statecharts laid out by scripts/charts.ts, and two libraries from their packages. Every file
 * name has a hash of the content, so browsers may cache it indefinitely; an import map resolves the
 * modules' imports. Everything is read and compressed once, at the first request.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Encodings, encodingsOf } from './encodings.ts';

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

/** All style sheets of the page in one file. */
export const STYLES = 'styles.css';

export interface Asset {
  type: string;
  encodings: Encodings;
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
  await Promise.all([...sources].map(async ([source, text]) => {
    const body = new TextEncoder().encode(text);
    const extension = extname(source);
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
    const name = `${source.slice(0, -extension.length)}.${hash}${extension}`;
    urls.set(source, ASSETS_PATH + name);
    files.set(name, {
      type: TYPES[extension] ?? 'application/octet-stream',
      encodings: await encodingsOf(body),
    });
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
async function readSources(): Promise<Map<string, string>> {
  const names = (await readdir(PAGE_DIR, { recursive: true }))
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => /\.(js|css|svg|json)$/.test(name) && name !== 'tsconfig.json');
  const [styles, others] = [names.filter(isStyle), names.filter((name) => !isStyle(name))];
  const own = others.map(async (name) => {
    const text = await readPage(name);
    return [name, name.endsWith('.js') ? withoutComments(text) : text] as const;
  });
  const packages = Object.entries(PACKAGES).map(async ([name, url]) =>
    [packageFile(name), withoutSourceMap(await readFile(new URL(url), 'utf8'))] as const
  );
  const joined = (await Promise.all(styles.toSorted(byPrecedence).map(readPage))).join('\n');
  return new Map([
    [STYLES, withoutComments(joined)],
    ...await Promise.all([...own, ...packages]),
  ]);
}

function isStyle(name: string): boolean {
  return name.endsWith('.css');
}

/** Later styles override earlier ones: plain elements, then what views share, then single views. */
function byPrecedence(a: string, b: string): number {
  const rank = (name: string) => name.startsWith('shared/') ? 1 : name.includes('/') ? 2 : 0;
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

function readPage(name: string): Promise<string> {
  return readFile(new URL(name, PAGE_DIR), 'utf8');
}

function packageFile(name: string): string {
  return `lib-${name.replaceAll('/', '-')}.js`;
}

/** The source map is not served here. */
function withoutSourceMap(code: string): string {
  return code.replace(/\n?\/\/# sourceMappingURL=\S*\s*$/, '\n');
}

/**
 * The page's own code and styles without comments, which include the types of the code, and without
 * indentation. Compressed, these are a fifth of the page, more than its limit leaves room for.
 * Comments begin with `/**` or `/*` and a space, which no string of the page contains, or are lines of
 * their own; no string of the page spans several lines except templates, where indentation means
 * nothing.
 */
function withoutComments(code: string): string {
  return code.replace(/\/\*\*? [^]*?\*\/ ?|\/\*\*\n[^]*?\*\/ ?/g, '').replace(/^\s*\/\/.*\n/gm, '').replace(
    /\n\s+/g,
    '\n',
  );
}
