/** The page's estimate of the server's time, and one timer for everything that shows an age. */
import { useEffect, useReducer, useRef } from 'preact/hooks';
import { offsetOf, withSample } from './offset.js';

const TICK_MS = 500;

/** @type {number[]} */
let samples = [];
let offsetMs = 0;

/**
 * Samples the server's clock as of the sending of a message.
 * @param {string} now
 */
export function sampleServerTime(now) {
  samples = withSample(samples, Date.parse(now) - Date.now());
  offsetMs = offsetOf(samples);
}

/** Epoch ms on the server's clock. */
export function serverNowMs() {
  return Date.now() + offsetMs;
}

/** @type {Set<() => void>} */
const listeners = new Set();
let timer = 0;

function tick() {
  for (const listener of listeners) listener();
}

/**
 * Renders the component again, at most twice a second, when the value that `read` computes from the
 * time has changed.
 * @template T
 * @param {(nowMs: number) => T} read
 * @returns {T}
 */
export function useNow(read) {
  const [, render] = useReducer((count) => count + 1, 0);
  const value = read(serverNowMs());
  const rendered = useRef({ read, value });
  rendered.current = { read, value };
  useEffect(() => {
    const listener = () => {
      const { current } = rendered;
      if (current.read(serverNowMs()) !== current.value) render(0);
    };
    listeners.add(listener);
    timer ||= setInterval(tick, TICK_MS);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      clearInterval(timer);
      timer = 0;
    };
  }, []);
  return value;
}
