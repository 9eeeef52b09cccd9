/** Calls to the API, at any replica. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { queryText } from './query.js';
import { useResyncs } from './state.js';

/** @import { FieldProblem } from '../types.d.ts' */

/** Back-off of a read's retries: the replica may just have died. */
const PAUSES_MS = [150, 400, 1000];
const TYPING_MS = 300;

/** An answer other than 2xx, or none at all (status 0). `message` is a sentence for the user. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {FieldProblem[]} problems
   */
  constructor(status, message, problems = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, headers?: Record<string, string>, signal?: AbortSignal }} [options]
 * @returns {Promise<{ body: any, headers: Headers }>}
 */
export async function call(method, path, { body, headers, signal } = {}) {
  for (const pause of method === 'GET' ? [...PAUSES_MS, null] : [null]) {
    try {
      return await once(method, path, { body, headers, signal });
    } catch (error) {
      const mayPass = error instanceof ApiError && (error.status === 0 || error.status >= 502);
      if (!mayPass || pause === null) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  throw new Error('unreachable');
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, headers?: Record<string, string>, signal?: AbortSignal | undefined }} options
 */
async function once(method, path, { body, headers, signal }) {
  const response = await fetch(path, {
    method,
    headers: {
      Accept: 'application/json',
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch((error) => {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'No replica responds at this address.');
  });
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : null;
  if (response.ok) return { body: json, headers: response.headers };
  throw new ApiError(
    response.status,
    json?.detail ?? `${response.status} ${response.statusText}`,
    json?.errors ?? [],
  );
}

/** @param {string} path */
export const get = (path) => call('GET', path).then(({ body }) => body);

/**
 * A path with a query.
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} query
 */
export function url(path, query) {
  return `${path}${queryText(query)}`;
}

/**
 * The answer of a GET, read again when the path changes and after a resync of the events. The last
 * answer stays until the next one arrives.
 * @template T
 * @param {string | null} path null reads nothing
 * @returns {{ data: T | null, headers: Headers | null, error: ApiError | null, loading: boolean, reload: () => void, set: (change: (data: T) => T) => void }}
 */
export function useGet(path) {
  const [answer, setAnswer] = useState(
    /** @type {{ path: string | null, data: any, headers: Headers | null, error: any }} */
    ({ path: null, data: null, headers: null, error: null }),
  );
  const [count, setCount] = useState(0);
  const resyncs = useResyncs();
  const wanted = useRef(path);
  wanted.current = path;
  useEffect(() => {
    if (path === null) return;
    const controller = new AbortController();
    call('GET', path, { signal: controller.signal }).then(
      ({ body, headers }) => setAnswer({ path, data: body, headers, error: null }),
      (error) => {
        if (!controller.signal.aborted) setAnswer((last) => ({ ...last, path, error }));
      },
    );
    return () => controller.abort();
  }, [path, count, resyncs]);
  const reload = useCallback(() => setCount((n) => n + 1), []);
  const set = useCallback(
    (/** @type {(data: T) => T} */ change) =>
      setAnswer((last) => last.data === null ? last : { ...last, data: change(last.data) }),
    [],
  );
  const { data, headers, error } = answer;
  return { data, headers, error, loading: answer.path !== path, reload, set };
}

/**
 * The answer to a body that is being typed: asked for a while after the last key. The last one stays
 * beside an error.
 * @param {string} path
 * @param {object | null} body null asks nothing
 * @returns {{ data: any, error: ApiError | null, stale: boolean }}
 */
export function usePosted(path, body) {
  const [{ of, ...answer }, setAnswer] = useState({ data: null, error: /** @type {any} */ (null), of: '' });
  const text = JSON.stringify(body);
  useEffect(() => {
    if (body === null) return;
    const controller = new AbortController();
    const { signal } = controller;
    const ask = () =>
      call('POST', path, { body, signal }).then(
        ({ body: data }) => setAnswer({ data, error: null, of: text }),
        (error) => signal.aborted || setAnswer((last) => ({ ...last, error, of: text })),
      );
    const timer = setTimeout(ask, TYPING_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text]);
  return { ...answer, stale: of !== text };
}
