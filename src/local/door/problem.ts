/** The front door's own error answers (RFC 9457), in the form that the replicas use. */
import type { ServerResponse } from 'node:http';

export function sendProblem(response: ServerResponse, status: number, title: string, detail: string): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', title, status, detail }));
}

/** 503, with Retry-After. */
export function sendUnavailable(response: ServerResponse, detail: string): void {
  response.setHeader('retry-after', '1');
  sendProblem(response, 503, 'Service Unavailable', detail);
}
