import { createServer, type Server } from 'node:net';

/** The first of `count` consecutive ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const servers = await Promise.all(
      Array.from({ length: count }, (_, i) => listen(first + i).catch(() => null)),
    );
    for (const server of servers) server?.close();
    if (servers.every((server) => server !== null)) return first;
  }
}

/** Rejects when the port is taken. */
export function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
