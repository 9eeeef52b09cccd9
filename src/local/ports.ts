import { createServer } from 'node:net';

/** The address of the replicas: only the front door may listen elsewhere. */
export const LOOPBACK = '127.0.0.1';

/**
 * Rejects with a sentence when a port of the cluster can't be listened on. To be called before any start: a
 * replica without its port would end and be restarted repeatedly.
 */
export async function assertPortsFree(host: string, port: number, replicaCount: number): Promise<void> {
  for (let i = 0; i <= replicaCount; i++) {
    const problem = await listenProblem(i === 0 ? host : LOOPBACK, port + i);
    if (problem === null) continue;
    const range = replicaCount === 1 ? `${port + 1}` : `${port + 1} to ${port + replicaCount}`;
    throw new Error(
      `Port ${port + i} ${problem}. The front door needs port ${port} and the replicas need ${range}: ` +
        `choose others with PORT, such as PORT=${port + 1000}.`,
    );
  }
}

function listenProblem(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      resolve(code === 'EADDRINUSE' ? 'is taken' : `of ${host} can't be used (${code ?? message})`);
    });
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}
