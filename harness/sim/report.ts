import type { Result } from './simulate.ts';

/** A failed simulation for a reader: the last events, what was wrong, and how to see it again. */
export function report({ seed, violation, atMs, steps, trace }: Result): string {
  return [
    ...trace,
    '',
    `Seed ${seed}, after ${(atMs / 1000).toFixed(3)} simulated seconds, step ${steps}: ${violation}`,
    `Again: npm run test:sim -- --seed ${seed}`,
  ].join('\n');
}
