import { randomUUID } from 'node:crypto';
import type { Random } from '../../actors/ports.ts';

/** This machine's chance. */
export function systemRandom(): Random {
  return { next: () => Math.random(), uuid: () => randomUUID() };
}
