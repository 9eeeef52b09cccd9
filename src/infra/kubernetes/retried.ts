import type { Clock, Logger } from '../../actors/shared/environment.ts';
import { wait } from '../../actors/shared/wait.ts';
import { KubernetesRefusal } from './api.ts';

const TRIES = 6;
const FIRST_PAUSE_MS = 250;

/** `forbidden`: no retry succeeds while this pod has its present permissions. */
export type RetryResult = 'done' | 'gave up' | 'forbidden';

/**
 * Makes a call that nothing depends on: up to six tries, with a back-off from 0.25 s to 4 s. `goOn`
 * is checked before each retry. Never rejects; logs once what failed, and why.
 */
export async function retried(
  what: string,
  call: () => Promise<void>,
  { clock, logger, goOn }: { clock: Clock; logger: Logger; goOn: () => boolean },
): Promise<RetryResult> {
  for (let tries = 1;; tries++) {
    try {
      await call();
      return 'done';
    } catch (error) {
      if (error instanceof KubernetesRefusal && error.isForbidden) {
        logger.info(`this pod may not ${what}; nothing else is affected`, { error });
        return 'forbidden';
      }
      if (!goOn()) return 'gave up';
      if (tries === TRIES) {
        logger.warn(`could not ${what}; nothing else is affected`, { error, tries });
        return 'gave up';
      }
      await wait(clock, FIRST_PAUSE_MS * 2 ** (tries - 1));
    }
  }
}
