/** The Kubernetes API over plain HTTP, through `kubectl proxy`: with the user of kubectl's current context. */
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { kubectlIn } from './kubectl.ts';

const ANSWER_LIMIT_MS = 30_000;

export interface ApiServer {
  /** `http://127.0.0.1:port`. */
  url: string;
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  /** A merge patch. */
  patch<T>(path: string, body: unknown): Promise<T>;
  /** Null when there was nothing to delete. */
  remove(path: string, options?: unknown): Promise<unknown>;
  close(): void;
}

/** An answer other than 2xx. */
export class ApiServerError extends Error {
  override name = 'ApiServerError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Rejects with kubectl's error when no cluster answers. */
export async function apiServer(): Promise<ApiServer> {
  // `kubectl proxy` starts without contacting the cluster.
  await kubectlIn('default').run(['version', '--request-timeout=10s']);
  const proxy = kubectlIn('default').start(['proxy', '--port=0']);
  const stderr = text(proxy.stderr);
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: proxy.stdout }).on('line', (line) => {
      const address = /127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (address) resolve(`http://${address}`);
    });
    proxy.once('error', reject);
    proxy.once('close', async () => reject(new Error(`kubectl proxy ended: ${await stderr}`)));
  });
  process.once('exit', () => proxy.kill());

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const response = await fetch(`${url}${path}`, {
      method,
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      ...(body !== undefined && { headers: { 'content-type': type }, body: JSON.stringify(body) }),
    });
    const answer = await response.text();
    if (!response.ok) throw new ApiServerError(response.status, `${method} ${path}: ${messageOf(answer)}`);
    return JSON.parse(answer) as T;
  }
  return {
    url,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    patch: (path, body) => call('PATCH', path, body),
    remove: (path, options) =>
      call('DELETE', path, options ?? {}).catch((error) => {
        if (error instanceof ApiServerError && error.status === 404) return null;
        throw error;
      }),
    close: () => void proxy.kill(),
  };
}

function messageOf(answer: string): string {
  try {
    return JSON.parse(answer).message ?? answer;
  } catch {
    return answer.slice(0, 500);
  }
}
