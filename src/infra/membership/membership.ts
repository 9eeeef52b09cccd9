/**
 * A replica's view of the cluster: the announced replicas, whether its own address reaches it, and
 * whether the leader's process can be watched. Problems become warnings: in the log, in this
 * replica's entry, and in the metrics.
 */
import type { PresenceStore } from '../../actors/membership/presenceStore.ts';
import type { Clock, Logger } from '../../actors/shared/environment.ts';
import type { LeaseTiming } from '../../domain/leadership/leaseTiming.ts';
import { type Replica, timingWarnings } from '../../domain/membership/replica.ts';
import { Warnings } from '../shared/warnings.ts';
import { addressProblem } from './addressCheck.ts';
import type { HttpPeers } from './peers.ts';
import { Roster } from './roster.ts';
import type { WatchedPeer } from './watch.ts';

/** The time for which an entry is shown. */
const SEEN_WITHIN_MS = 60_000;
/** Addresses rarely change; a wrong one is rechecked sooner, for the operator who fixes it. */
const CHECK_EVERY_MS = 30_000;
const CHECK_AGAIN_MS = 10_000;
/** Consecutive sound checks that clear a warning. */
const SOUND_CHECKS = 2;
const CHECK_LEADER_EVERY_MS = 1_000;
/** How long a leader may go unwatched before a warning; at least until a dead leader's lease expires. */
const UNWATCHED_MS = 5_000;

export interface MembershipDeps {
  list: PresenceStore['list'];
  clock: Clock;
  logger: Logger;
  me: WatchedPeer;
  lease: LeaseTiming;
  peers(): HttpPeers;
}

export interface Membership {
  roster: Roster;
  /** For this replica's entry. */
  warnings(): string[];
  /**
   * For metrics: whether its own address reaches it (null before the first check), and whether the
   * leader is watched.
   */
  vitals(): { addressOk: boolean | null; leaderWatched: boolean };
  /** Call once this replica listens. */
  start(): void;
  stop(): void;
}

export function membership({ list, clock, logger, me, lease, peers }: MembershipDeps): Membership {
  const warnings = new Warnings(logger);
  const differences = new Warnings(logger);
  const timers = new Map<string, unknown>();
  let addressOk: boolean | null = null;
  /** Consecutive sound checks: behind a balancer, one may be sound by chance. */
  let soundChecks = 0;
  /** The unwatched leader, and its warning: kept, since the reason may change with every check. */
  let warned: { boot: string; sentence: string } | null = null;
  let watchedMs = clock.monotonic();
  let isOver = false;

  const roster = new Roster(() => list(SEEN_WITHIN_MS), clock, (replicas) => {
    peers().noteHeartbeats(replicas);
    const [sentence] = timingWarnings(replicas.filter(isPresent));
    // Not in the entry, where every replica would repeat it: /cluster derives it.
    differences.set('lease settings', sentence ?? null);
  });

  const every = (name: string, step: () => number | Promise<number>) => {
    const turn = async () => {
      const waitMs = await step();
      if (!isOver) timers.set(name, clock.setTimeout(() => void turn(), waitMs));
    };
    void turn();
  };

  async function checkAddress(): Promise<number> {
    const problem = await addressProblem(me, clock, (boot) => roster.get(boot)?.id);
    if (isOver) return CHECK_EVERY_MS;
    soundChecks = problem === null ? soundChecks + 1 : 0;
    if (problem !== null || addressOk === null || soundChecks >= SOUND_CHECKS) {
      addressOk = problem === null;
      warnings.set('address', problem);
    }
    return addressOk ? CHECK_EVERY_MS : CHECK_AGAIN_MS;
  }

  function checkLeader(): number {
    const watching = peers().watching();
    if (watching === null || watching.problem === null) watchedMs = clock.monotonic();
    const isOverdue =
      clock.monotonic() - watchedMs > Math.max(UNWATCHED_MS, lease.durationMs + CHECK_LEADER_EVERY_MS);
    if (watching === null || !isOverdue) warned = null;
    else if (warned?.boot !== watching.boot) {
      const { boot } = watching;
      warned = { boot, sentence: unwatchedWarning(watching, roster.get(boot)?.id ?? boot) };
    }
    warnings.set('leader', warned?.sentence ?? null);
    return CHECK_LEADER_EVERY_MS;
  }

  return {
    roster,
    warnings: () => warnings.list(),
    vitals: () => ({ addressOk, leaderWatched: peers().watching()?.problem === null }),
    start() {
      roster.start();
      every('address', checkAddress);
      every('leader', checkLeader);
    },
    stop() {
      isOver = true;
      roster.stop();
      for (const timer of timers.values()) clock.clearTimeout(timer);
    },
  };
}

type Watching = NonNullable<ReturnType<HttpPeers['watching']>>;

function unwatchedWarning({ address, problem }: Watching, name: string): string {
  return `the leader's process (${name}) can't be watched at ${address}: ${problem}. If it dies, the takeover ` +
    'waits until its lease expires. Set ADDRESS of each replica to an address that leads to it alone';
}

function isPresent({ lost_at }: Replica): boolean {
  return lost_at === null;
}
