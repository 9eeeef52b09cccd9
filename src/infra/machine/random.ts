import { randomUUID } from 'node:crypto';
import type { Random } from '../../actors/shared/environment.ts';

/** This machine's random source. */
export function systemRandom(): Random {
  return { next: () => Math.random(), uuid: () => randomUUID() };
}
