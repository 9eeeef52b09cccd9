/** Real replicas behind a front door, and a real browser in front of it. */
import assert from 'node:assert/strict';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { HostNames } from '../../src/domain/membership/hostNames.ts';
import { type FrontDoor, openFrontDoor } from '../../src/local/frontDoor.ts';
import { findChromium } from './chromium.ts';
import { ProcessCluster } from './replicas.ts';

/** Without them it asks for hosts on the internet, and refuses to run as root. */
export const BROWSER_FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
];

export class InspectedCluster {
  readonly cluster: ProcessCluster;
  readonly url: string;
  readonly browser: Browser;
  readonly #door: FrontDoor;

  private constructor(cluster: ProcessCluster, door: FrontDoor, browser: Browser) {
    this.cluster = cluster;
    this.#door = door;
    this.browser = browser;
    this.url = `http://127.0.0.1:${door.port}`;
  }

  /** Three replicas, one of which leads, all of which get requests. */
  static async start(env: Record<string, string>): Promise<InspectedCluster> {
    const { binary } = findChromium();
    assert.ok(binary, 'a Chromium is there: scripts/test.ts leaves these tests out where there is none');
    const [browser, cluster] = await Promise.all([
      chromium.launch({ executablePath: binary, args: BROWSER_FLAGS }),
      ProcessCluster.ofThree(env),
    ]);
    const upstreams = cluster.replicas.map(({ id, url }) => ({ id, port: Number(new URL(url).port) }));
    let allLive = () => {};
    const ready = new Promise<void>((resolve) => allLive = resolve);
    const onChange = (live: readonly string[]) => live.length === upstreams.length && allLive();
    const door = await openFrontDoor({
      ...{ host: '127.0.0.1', port: 0, upstreams, secret: 'of this door' },
      names: new HostNames({ names: [], own: [] }),
      probeEveryMs: 100,
      onChange,
    });
    await ready;
    return new InspectedCluster(cluster, door, browser);
  }

  /** A tab of its own, which takes notes of all that should not be. */
  async open(path: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
    const context = await this.browser.newContext({ locale: 'en-GB', ...options });
    const page = await context.newPage();
    const watched = new WatchedPage(page, this.url);
    await page.goto(`${this.url}/inspector#/${path}`);
    return watched;
  }

  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await fetch(`${this.url}${path}`, init);
    const text = await response.text();
    assert.ok(response.ok, `${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.json<T>(path, { method: 'POST', body: JSON.stringify(body) });
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.#door.close();
    await this.cluster.stop();
  }
}

export class WatchedPage {
  readonly page: Page;
  /** Errors that the console showed, exceptions, and requests to other hosts. */
  readonly complaints: string[] = [];

  constructor(page: Page, origin: string) {
    this.page = page;
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      // Some other program on this machine has changed its network: the page asks again.
      if (!message.text().includes('ERR_NETWORK_CHANGED')) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) this.complaints.push(`request to ${request.url()}`);
    });
  }

  /** Resolves when events come. */
  async live(): Promise<this> {
    await this.page.locator('.live.ok').waitFor();
    return this;
  }

  /** Resolves when an expression is true in the page. (Playwright's own way needs `eval`, which the page forbids.) */
  async until(expression: string): Promise<void> {
    await this.page.evaluate(`new Promise((resolve) => {
      (function look() {
        if (${expression}) resolve(); else requestAnimationFrame(look);
      })();
    })`);
  }

  async goTo(path: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(`#/${path}`)}`);
  }

  async close(): Promise<void> {
    await this.page.context().close();
    assert.deepEqual(this.complaints, []);
  }
}
