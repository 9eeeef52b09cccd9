/** The server's time, as well as this page can know it, and one tick for everything that shows how long ago. */
import { useEffect, useReducer, useRef } from 'preact/hooks';
import { offsetOf, withSample } from './offset.js';

const TICK_MS = 500;

/** @type {number[]} */
let samples = [];
let offsetMs = 0;

/**
 * Takes in what the server's clock said when it sent a message.
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
const told = new Set();
let timer = 0;

function tick() {
  for (const tell of told) tell();
}

/**
 * Renders the component again, at most twice a second, when what `read` makes of the time has changed.
 * @template T
 * @param {(nowMs: number) => T} read
 * @returns {T}
 */
export function useNow(read) {
  const [, render] = useReducer((count) => count + 1, 0);
  const value = read(serverNowMs());
  const shown = useRef({ read, value });
  shown.current = { read, value };
  useEffect(() => {
    const tell = () => {
      if (shown.current.read(serverNowMs()) !== shown.current.value) render(0);
    };
    told.add(tell);
    timer ||= setInterval(tick, TICK_MS);
    return () => {
      told.delete(tell);
      if (told.size > 0) return;
      clearInterval(timer);
      timer = 0;
    };
  }, []);
  return value;
}
