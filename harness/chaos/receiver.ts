/** The receiver of a storm's webhooks. It checks each signature, and is busy now and then. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Execution } from './fleet.ts';
import type { SeededRandom } from './random.ts';

/** The name of the secret that signs, and its value. */
export const SIGNING = { name: 'STORM', key: 'whsec_c3Rvcm0gb2YgdGhlIHN0b3JtIG9mIHRoZSBzdG9ybQ==' };
const BUSY_PROBABILITY = 0.1;

export class Receiver {
  readonly url: string;
  /** Each request, as the execution of an attempt. */
  readonly deliveries: Execution[] = [];
  /** Requests whose signature is not valid, as sentences. */
  readonly forged: string[] = [];
  readonly #stop: () => Promise<void>;

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.#stop = stop;
  }

  static async start(random: SeededRandom): Promise<Receiver> {
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      receiver.#got(request.headers as Record<string, string>, body);
      response.writeHead(random.next() < BUSY_PROBABILITY ? 503 : 204);
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const receiver = new Receiver(`http://127.0.0.1:${port}/`, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return receiver;
  }

  #got(headers: Record<string, string>, body: string): void {
    const id = headers['webhook-id'] ?? '';
    try {
      new Webhook(SIGNING.key).verify(body, headers);
    } catch (error) {
      this.forged.push(`${id}: ${(error as Error).message}`);
    }
    const attempt = Number(headers['x-hascheduler-attempt']);
    this.deliveries.push({ runId: id, attempt, term: 0, life: 'receiver', readMs: performance.now() });
  }

  async stop(): Promise<void> {
    await this.#stop();
  }
}
