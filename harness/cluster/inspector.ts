/** Real replicas behind a front door, and a real browser that opens the inspector page. */
import assert from 'node:assert/strict';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { FrontDoor } from '../../src/local/door/frontDoor.ts';
import { findChromium } from './chromium.ts';
import { frontDoorOf } from './frontDoor.ts';
import { ProcessCluster } from './replicas.ts';

/** Otherwise it sends requests to the internet, and refuses to run as root. */
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

  /** Three replicas, all of which get requests, and one of which leads. */
  static async start(env: Record<string, string>): Promise<InspectedCluster> {
    const { binary } = findChromium();
    assert.ok(binary, 'no Chromium: scripts/test.ts leaves these tests out in that case');
    const [browser, cluster] = await Promise.all([
      chromium.launch({ executablePath: binary, args: BROWSER_FLAGS }),
      ProcessCluster.ofThree(env),
    ]);
    return new InspectedCluster(cluster, await frontDoorOf(cluster.replicas, 100), browser);
  }

  /** Opens a tab that records all errors. */
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
  /** Console errors, exceptions, and requests to other hosts. */
  readonly complaints: string[] = [];
  /** What the test shows is deleted meanwhile: the page may ask for it once more. */
  mayMiss = false;

  constructor(page: Page, origin: string) {
    this.page = page;
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      if (this.mayMiss && message.text().includes('status of 404')) return;
      // Another program on this machine has changed its network: the page retries.
      if (!message.text().includes('ERR_NETWORK_CHANGED')) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) this.complaints.push(`request to ${request.url()}`);
    });
  }

  /** Resolves when the event stream is connected. */
  async live(): Promise<this> {
    await this.page.locator('.live.ok').waitFor();
    return this;
  }

  /** Resolves when an expression is true in the page. (Playwright's function for it needs `eval`, which the page forbids.) */
  async until(expression: string): Promise<void> {
    await this.page.evaluate(`new Promise((resolve) => {
      (function check() {
        if (${expression}) resolve(); else requestAnimationFrame(check);
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
