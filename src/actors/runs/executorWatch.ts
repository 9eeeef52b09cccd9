/**
 * The leader's watch over executors: when it may conclude that one is dead.
 *
 * An executor counts as dead when it has sent no heartbeat for `DEAD_AFTER_MS` of server time, while the
 * store answered us throughout. The second condition matters: during an outage of the store no heartbeat
 * arrives, and the first replica to reconnect would take live executors for dead. So our own watch must
 * have lasted as long, with an answer every second or so; a late or missing answer restarts it. The
 * watch runs on our monotonic clock, and restarts when the server's clock was set, forward or back:
 * heartbeats stamped before that are void. As a consequence, no run is adopted within `DEAD_AFTER_MS`
 * of its claim by another leader, since the watch began after that leadership was over. So a run that
 * starts well within that time need not confirm that it is still ours (run.ts).
 *
 * Five seconds are five heartbeats (presence.ts). A broken connection may cost one, which the driver
 * takes some seconds to notice; a busy machine or a change of the store's primary may cost a few
 * more. A mistaken adoption is harmless: two attempts are made, under one delivery id, and one counts.
 */

/** How long heartbeats must be missing, and our watch must have lasted, ms. */
export const DEAD_AFTER_MS = 5000;
/** A longer gap between two answers restarts the watch, ms. */
const LONGEST_GAP_MS = 2000;
/** So does a server's clock that moved by this much more, or less, than our monotonic clock, ms. */
const CLOCK_STEP_MS = 1000;

/** Since when the store has answered every search, and its last answer; monotonic, ms. */
export interface ExecutorWatch {
  sinceMs: number;
  answeredMs: number;
  /** Server time minus monotonic time when the watch began, ms. */
  serverAheadMs: number;
}

/** The clocks, as an answer of the store arrives. */
interface Clocks {
  serverNowMs: () => number;
  monotonicMs: () => number;
  /** When the server's clock was last found to have been set, monotonic ms; -Infinity if never. */
  clockSetMs: () => number;
}

/** The watch after one more answer of the store: continued, or restarted. */
export function continued(
  watch: ExecutorWatch | null,
  { serverNowMs, monotonicMs, clockSetMs }: Clocks,
): ExecutorWatch {
  const answeredMs = monotonicMs();
  const serverAheadMs = serverNowMs() - answeredMs;
  const isUnbroken = watch !== null && answeredMs - watch.answeredMs <= LONGEST_GAP_MS &&
    // Set back and forth between two answers, the clock shows no difference: a heartbeat in between is void.
    clockSetMs() <= watch.sinceMs && Math.abs(serverAheadMs - watch.serverAheadMs) <= CLOCK_STEP_MS;
  return isUnbroken ? { ...watch, answeredMs } : { sinceMs: answeredMs, answeredMs, serverAheadMs };
}

/** Whether executors without a recent heartbeat count as dead by now. */
export function hasLastedLongEnough({ sinceMs, answeredMs }: ExecutorWatch): boolean {
  return answeredMs - sinceMs >= DEAD_AFTER_MS;
}
