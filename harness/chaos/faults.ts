/** The faults of replicas and of the store, and how each is undone. */
import type { MongoMember } from '../cluster/mongoMember.ts';
import type { MongoSet } from '../cluster/mongoSet.ts';
import type { ProxyMode } from '../cluster/tcpProxy.ts';
import type { Fleet, Slot } from './fleet.ts';

export interface World {
  fleet: Fleet;
  set: MongoSet;
}

export interface FaultKind {
  name: string;
  /** Its least and its greatest duration. */
  holdMs: readonly [number, number];
  /** Resolves when it has begun. `chance` in [0, 1) picks one of several targets. */
  begin(world: World, chance: number): Promise<Begun>;
}

export interface Begun {
  /** The replica that it hits; null when it hits the store. */
  hit: Slot | null;
  /** The names of its targets, for the log. */
  targets: string;
  /** Undoes it; resolves when its targets are back. */
  end(): Promise<void>;
}

const leader = ({ fleet }: World) => fleet.leader();
const any = ({ fleet }: World, chance: number) =>
  fleet.slots[Math.floor(chance * fleet.slots.length)] as Slot;

export const REPLICA_FAULTS: readonly FaultKind[] = [
  killed('kill -9 of the leader', leader),
  killed('kill -9 of any replica', any),
  stopped('SIGTERM of the leader', leader),
  stopped('SIGTERM of any replica', any),
  frozen('freeze of the leader', leader),
  frozen('freeze of any replica', any),
  network('connections of the leader cut', leader, 'cut'),
  network('leader partitioned', leader, 'silent'),
  network('answers to the leader lost', leader, 'one-way'),
  network('latency of the leader', leader, 'open', 60),
  network('connections of any replica cut', any, 'cut'),
  network('any replica partitioned', any, 'silent'),
];

export const STORE_FAULTS: readonly FaultKind[] = [
  {
    name: 'step-down of the primary',
    holdMs: [1000, 1000],
    async begin({ set }) {
      const { host } = await set.primary();
      await set.stepDown();
      return { hit: null, targets: host, end: () => set.healthy() };
    },
  },
  onMembers('kill -9 of the primary', [500, 5000], 'SIGKILL', async (set) => [await set.primary()]),
  onMembers('kill -9 of a secondary', [500, 5000], 'SIGKILL', oneSecondary),
  onMembers('freeze of the primary', [3000, 8000], 'SIGSTOP', async (set) => [await set.primary()]),
  onMembers('freeze of a secondary', [1000, 5000], 'SIGSTOP', oneSecondary),
  onMembers('freeze of both secondaries', [2000, 6000], 'SIGSTOP', (set) => set.secondaries()),
];

type Choose = (world: World, chance: number) => Slot;

function killed(name: string, choose: Choose): FaultKind {
  return {
    name,
    holdMs: [200, 2000],
    async begin(world, chance) {
      const slot = choose(world, chance);
      slot.signal('SIGKILL');
      return { hit: slot, targets: slot.id, end: () => slot.restart() };
    },
  };
}

function stopped(name: string, choose: Choose): FaultKind {
  return {
    name,
    holdMs: [200, 2000],
    async begin(world, chance) {
      const slot = choose(world, chance);
      slot.signal('SIGTERM');
      return { hit: slot, targets: slot.id, end: () => slot.restart() };
    },
  };
}

function frozen(name: string, choose: Choose): FaultKind {
  return {
    name,
    holdMs: [500, 6000],
    async begin(world, chance) {
      const slot = choose(world, chance);
      slot.signal('SIGSTOP');
      return { hit: slot, targets: slot.id, end: async () => slot.signal('SIGCONT') };
    },
  };
}

function network(name: string, choose: Choose, mode: ProxyMode, delayMs = 0): FaultKind {
  return {
    name,
    holdMs: [500, 6000],
    async begin(world, chance) {
      const slot = choose(world, chance);
      slot.route.set(mode, delayMs);
      return { hit: slot, targets: slot.id, end: async () => slot.route.set('open') };
    },
  };
}

async function oneSecondary(set: MongoSet, chance: number): Promise<MongoMember[]> {
  const secondaries = await set.secondaries();
  return [secondaries[Math.floor(chance * secondaries.length)] as MongoMember];
}

function onMembers(
  name: string,
  holdMs: FaultKind['holdMs'],
  signal: 'SIGKILL' | 'SIGSTOP',
  choose: (set: MongoSet, chance: number) => Promise<MongoMember[]>,
): FaultKind {
  return {
    name,
    holdMs,
    async begin({ set }, chance) {
      const members = await choose(set, chance);
      await Promise.all(members.map((member) => member.signal(signal)));
      return {
        hit: null,
        targets: members.map(({ host }) => host).join(' and '),
        async end() {
          const back = (member: MongoMember) =>
            signal === 'SIGKILL' ? member.start() : member.signal('SIGCONT');
          await Promise.all(members.map(back));
          await set.healthy();
        },
      };
    },
  };
}
