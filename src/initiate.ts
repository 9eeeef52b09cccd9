/**
 * Initiates a replica set of the MongoDB members in MONGO_URI, if they are not one yet, and exits
 * once it has a primary. For clusters that bring their own MongoDB; see k8s/overlays/kind.
 */
import { hostname } from 'node:os';
import process from 'node:process';
import { systemClock } from './infra/machine/clock.ts';
import { initiateReplicaSet } from './infra/mongo/shared/initiate.ts';
import { standardLog } from './infra/log/standardLog.ts';
import { writeLastMessage } from './infra/log/stdio.ts';

/** Limit, ms: member pods may still have to be scheduled, and images pulled. */
const LIMIT_MS = 300_000;
/** Limit for flushing the log before the exit, ms. */
const LAST_LINES_MS = 1_000;

const clock = systemClock();
const replica = process.env.HOSTNAME || hostname();
const { logger, flush } = standardLog({ level: 'info', replica, clock });
// An interruption leaves nothing half done.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(1));
try {
  await initiateReplicaSet({ uri: process.env.MONGO_URI ?? '', clock, logger, limitMs: LIMIT_MS });
  await flush(LAST_LINES_MS);
  process.exit(0);
} catch (error) {
  await flush(LAST_LINES_MS);
  await writeLastMessage(`hascheduler: ${(error as Error).message}\n`);
  process.exit(1);
}
