/**
 * A receiver for trying out webhooks: prints a line about each request, checks its signature, and misbehaves
 * on demand. `npm run receiver -- --help` shows its options.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readOptions, type ReceiverOptions, USAGE } from './receiver/options.ts';
import { lineAbout, type Received, verdictOn } from './receiver/received.ts';

const HOST = '127.0.0.1';
/** Hascheduler sends less. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Null when the body is too large, or the connection breaks off. */
async function receive(request: IncomingMessage): Promise<Received | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    }
    if (bytes > MAX_BODY_BYTES) return null;
  } catch {
    return null;
  }
  const { method = '', url = '', headers } = request;
  return { method, path: url, headers, body: Buffer.concat(chunks), at: new Date() };
}

function serve({ port, keys, badShare, badStatus, slowMs, retryAfterS }: ReceiverOptions): void {
  const waiting = new Set<NodeJS.Timeout>();
  let requests = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = await receive(request);
    if (received === null) return void response.writeHead(413).end();
    requests++;
    const status = Math.random() < badShare ? badStatus : 200;
    const isBad = status >= 300;
    const answer = `${status}${slowMs > 0 ? ` in ${slowMs} ms` : ''}`;
    console.log(lineAbout(received, verdictOn(received, keys), answer));
    const timer = setTimeout(() => {
      waiting.delete(timer);
      response.writeHead(status, {
        'content-type': 'text/plain',
        ...(isBad && retryAfterS !== null && { 'retry-after': String(retryAfterS) }),
      });
      response.end(isBad ? 'The receiver was asked to fail.\n' : 'Received.\n');
    }, slowMs);
    waiting.add(timer);
  }

  const server = createServer((request, response) => void handle(request, response));
  server.on('error', (error: NodeJS.ErrnoException) => {
    console.error(
      error.code === 'EADDRINUSE'
        ? `Port ${port} is in use; choose another one by --port.`
        : `The receiver can't listen at ${HOST}:${port}: ${error.message}.`,
    );
    process.exitCode = 1;
  });
  server.listen(port, HOST, () => {
    const { port: bound } = server.address() as AddressInfo;
    console.log(`Receives webhooks at http://${HOST}:${bound}/, any path; Ctrl-C ends it.`);
  });

  function stop(): void {
    for (const timer of waiting) clearTimeout(timer);
    server.close(() => console.log(`Ended after ${requests} ${requests === 1 ? 'request' : 'requests'}.`));
    server.closeAllConnections();
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
}

const read = readOptions(process.argv.slice(2), process.env);
if (read === 'help') {
  console.log(USAGE);
} else if ('problems' in read) {
  console.error(`${read.problems.join('\n')}\n\n${USAGE}`);
  process.exitCode = 1;
} else {
  serve(read.options);
}
