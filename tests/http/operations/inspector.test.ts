import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Hono } from 'hono';
import { problem, testApi } from '../support.ts';

const ASSET = /\/inspector\/assets\/[\w./-]+/g;

describe('GET /inspector', () => {
  let app: Hono;
  let html: string;
  let policy: string;
  let imports: Record<string, string>;

  before(async () => {
    ({ app } = await testApi());
    const response = await app.request('/inspector');
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
    policy = response.headers.get('content-security-policy') ?? '';
    html = await response.text();
    imports = JSON.parse(/<script type="importmap">(.*?)<\/script>/.exec(html)?.[1] ?? '{}').imports;
  });

  const urls = () => [...new Set(html.match(ASSET))].filter((url) => !(url in imports));

  async function text(url: string): Promise<string> {
    const response = await app.request(url);
    assert.equal(response.status, 200, url);
    return await response.text();
  }

  it('allows the page only its own files, by its policy', () => {
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    const map = /<script type="importmap">(.*?)<\/script>/.exec(html)?.[1] ?? '';
    assert.ok(policy.includes(`'sha256-${createHash('sha256').update(map).digest('base64')}'`));
    const inline = [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>/g)].map(([tag]) => tag);
    assert.deepEqual(inline, ['<script type="importmap">'], 'the only inline script');
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/);
    assert.doesNotMatch(html, /https?:\/\//, 'nothing from elsewhere');
  });

  it('serves every file that it names, cacheable for ever', async () => {
    assert.ok(urls().length > 30, `${urls().length}`);
    for (const url of urls()) {
      const response = await app.request(url);
      assert.equal(response.status, 200, url);
      assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      const body = new Uint8Array(await response.arrayBuffer());
      const hash = createHash('sha256').update(body).digest('hex');
      assert.ok(hash.startsWith(/\.(\w{12})\.\w+$/.exec(url)?.[1] ?? '?'), `${url} is named for its content`);
    }
  });

  it('sends the page and its files in the smallest encoding that the client accepts', async () => {
    const expected: [accepted: string | null, coding: string | null][] = [
      [null, null],
      ['deflate', null],
      ['br;q=0, gzip;q=0', null],
      ['gzip', 'gzip'],
      ['gzip, br;q=0', 'gzip'],
      ['gzip, deflate, br, zstd', 'br'],
    ];
    const decode = { br: brotliDecompressSync, gzip: gunzipSync };
    for (const url of ['/inspector', ...urls()]) {
      const plain = new Uint8Array(await (await app.request(url)).arrayBuffer());
      for (const [accepted, coding] of expected) {
        const headers = new Headers(accepted === null ? {} : { 'accept-encoding': accepted });
        const response = await app.request(url, { headers });
        assert.equal(response.headers.get('content-encoding'), coding, `${url}, accepting ${accepted}`);
        assert.equal(response.headers.get('vary'), 'Accept-Encoding');
        const sent = new Uint8Array(await response.arrayBuffer());
        const decoded = coding === null ? sent : decode[coding as keyof typeof decode](sent);
        assert.deepEqual(new Uint8Array(decoded), plain);
      }
    }
  });

  it('maps every import of every module to a file', async () => {
    for (const [name, url] of Object.entries(imports)) {
      const source = await text(url);
      const wanted = [...source.matchAll(/(?:^|[;}])(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]/gm)]
        .map((match) => match[1] ?? '');
      for (const specifier of wanted) {
        const key = specifier.startsWith('.') ? new URL(specifier, `http://x${url}`).pathname : specifier;
        assert.ok(key in imports, `${name} imports ${specifier}`);
      }
    }
  });

  it('weighs less than 80 kB in all, as sent to a browser', async () => {
    const browser = { headers: { 'accept-encoding': 'gzip, deflate, br, zstd' } };
    let bytes = 0;
    for (const url of ['/inspector', ...urls()]) {
      const response = await app.request(url, browser);
      bytes += (await response.arrayBuffer()).byteLength;
    }
    console.log(`the inspector: ${bytes} bytes`);
    assert.ok(bytes < 80_000, `${bytes} bytes`);
  });

  it('answers 404 to a file of another version, with the advice to reload', async () => {
    const { detail } = await problem(app.request('/inspector/assets/main.000000000000.js'), 404);
    assert.match(detail, /reload the page/);
  });

  it('leaves the policy of all other responses strict', async () => {
    const response = await app.request('/schedules');
    assert.match(
      response.headers.get('content-security-policy') ?? '',
      /^default-src 'none'; base-uri 'none'/,
    );
    assert.equal(response.headers.get('cache-control'), 'no-store');
  });
});
