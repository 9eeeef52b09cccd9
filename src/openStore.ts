import type { Clock, Logger, Random } from './actors/shared/environment.ts';
import type { Store } from './actors/store.ts';
import type { Config } from './infra/config.ts';
import { MEMORY_URI } from './infra/configValues.ts';
import { inTurns } from './infra/memory/shared/turns.ts';
import { memoryDatabase } from './infra/memory/store.ts';
import type { openMetrics } from './infra/metrics/metrics.ts';
import { mongoStore } from './infra/mongo/store.ts';
import { notUnderstoodLog } from './infra/shared/notUnderstood.ts';
import { observedStore } from './infra/shared/observedStore.ts';
import { storeTroubleLog } from './infra/shared/storeTrouble.ts';

interface Environment {
  config: Config;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** The configured store, with its calls counted and its errors logged. */
export function openStore(
  { config, clock, random, logger }: Environment,
  metrics: ReturnType<typeof openMetrics>['store'],
): Store {
  const logTrouble = storeTroubleLog(logger, clock);
  const observed = (store: Store) =>
    observedStore(store, clock, {
      called: metrics.called,
      failed(operation, error) {
        metrics.failed(operation, error);
        logTrouble(operation, error);
      },
    });
  if (config.mongoUri === MEMORY_URI) {
    logger.warn(
      'the store is in memory: all schedules and runs are lost when this process ends, and no other replica can share them',
    );
    return observed(memoryDatabase({ clock }).connect({ intercept: inTurns }));
  }
  return observed(mongoStore({
    ...{ uri: config.mongoUri, database: config.database, logger, clock, random },
    notUnderstood: notUnderstoodLog(logger, clock, metrics.notUnderstood),
  }));
}
