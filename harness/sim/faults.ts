import type { SeededRandom } from './random.ts';
import type { SimProcess } from './process.ts';
import type { World } from './world.ts';

/** Something that goes wrong. What it begins it also ends, at the latest when the world is healed. */
interface Fault {
  name: string;
  weight: number;
  /** Says what it did; null when it can't be done now. */
  begin(world: World, random: SeededRandom): string | null;
}

/** The leader as often as all others together. */
function victim(
  world: World,
  random: SeededRandom,
  states: readonly string[] = ['running'],
): SimProcess | null {
  const able = world.processes().filter((process) => states.includes(process.state));
  const leaders = able.filter((process) => process.leads);
  const from = leaders.length > 0 && random.chance(0.5) ? leaders : able;
  return from.length === 0 ? null : random.pick(from);
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'crash',
    weight: 3,
    begin(world, random) {
      const process = victim(world, random, ['running', 'frozen', 'stopping']);
      if (process === null) return null;
      process.crash();
      const downMs = random.between(100, 6000);
      world.later(downMs, () => world.boot(process.host));
      return `${process.name} crashes, back in ${downMs.toFixed(0)} ms`;
    },
  },
  {
    name: 'deadly run',
    weight: 1,
    begin(world) {
      if (world.deadlyRun !== null) return null;
      world.deadlyRun = 'next';
      return 'the next run that begins crashes its process, on each attempt';
    },
  },
  {
    name: 'freeze',
    weight: 3,
    begin(world, random) {
      const process = victim(world, random);
      if (process === null) return null;
      process.freeze();
      const forMs = random.between(50, random.pick([1000, 8000, 15_000]));
      world.later(forMs, () => process.wake());
      return `${process.name} freezes for ${forMs.toFixed(0)} ms`;
    },
  },
  {
    name: 'suspend',
    weight: 2,
    begin(world, random) {
      const process = victim(world, random);
      if (process === null) return null;
      const atClaim = process.leads && random.chance(0.7);
      // Long enough for another to lead, and to adopt.
      const forMs = random.between(50, random.pick(atClaim ? [8000, 25_000] : [1000, 8000, 15_000]));
      const sleep = () => {
        if (process.state !== 'running') return;
        process.suspend();
        world.later(forMs, () => process.wake());
      };
      if (atClaim) process.atClaim = sleep;
      else sleep();
      const when = atClaim ? ', before it knows that its next claim took effect' : '';
      return `${process.name} sleeps with its machine for ${forMs.toFixed(0)} ms${when}`;
    },
  },
  {
    name: 'stop',
    weight: 2,
    begin(world, random) {
      const process = victim(world, random);
      if (process === null) return null;
      const downMs = random.between(100, 3000);
      void process.stop().then(() => world.later(downMs, () => world.boot(process.host)));
      return `${process.name} is asked to stop`;
    },
  },
  weather('partition', 3, (weather) => (weather.cut = true), [200, 12_000]),
  weather('slow link', 2, (weather, random) => (weather.wayMs = random.between(20, 300)), [500, 5000]),
  weather('lossy link', 2, (weather, random) => {
    weather.lossBefore = random.between(0, 0.4);
    weather.lossAfter = random.between(0, 0.4);
  }, [500, 6000]),
  weather('stream lag', 2, (weather, random) => (weather.lagMs = random.between(100, 2500)), [1000, 8000]),
  weather('claim trouble', 2, (weather) => (weather.claimTrouble = 0.6), [500, 4000]),
  weather('leader in trouble', 1, (weather) => {
    weather.claimTrouble = 0.9;
    weather.renewTrouble = 0.9;
  }, [2000, 5000]),
  {
    name: 'broken stream',
    weight: 2,
    begin(world, random) {
      const process = victim(world, random, ['running', 'frozen']);
      if (process === null) return null;
      process.link.broken.add('feed.next');
      if (random.chance(0.5)) process.link.broken.add('lease.watch');
      process.link.historyLost = random.chance(0.4);
      return `${process.name}'s streams break${process.link.historyLost ? ', and can not be resumed' : ''}`;
    },
  },
  {
    name: 'failover',
    weight: 2,
    begin(world, random) {
      if (!world.server.up) return null;
      world.breakConnections();
      const downMs = random.between(100, random.chance(0.3) ? 6000 : 1500);
      const offsetMs = Math.round(random.between(-200, 200));
      world.server.up = false;
      world.later(downMs, () => world.elect(offsetMs));
      return `the store fails over for ${downMs.toFixed(0)} ms, its clock is ${offsetMs} ms off then`;
    },
  },
  {
    name: "server's clock step",
    weight: 2,
    begin(world, random) {
      const mostMs = random.weighted(STEPS).mostMs;
      const byMs = Math.round(random.between(1, mostMs)) * (random.chance(0.65) ? -1 : 1);
      world.stepServerClock(byMs);
      if (random.chance(0.5)) world.later(random.between(500, 15_000), () => world.stepServerClock(-byMs));
      return `the server's clock is set by ${byMs} ms`;
    },
  },
  {
    name: 'other version',
    weight: 2,
    begin(world, random) {
      const process = victim(world, random);
      if (process === null) return null;
      world.upgrade(process, random.between(100, 3000));
      return `${process.name} is replaced by version ${process.host.version}`;
    },
  },
  {
    name: 'lease deleted',
    weight: 1,
    begin({ db }) {
      if (db.lease === null) return null;
      db.lease = null;
      return 'the lease document is deleted';
    },
  },
  {
    name: 'clock step',
    weight: 1,
    begin(world, random) {
      const host = random.pick(world.hosts);
      host.skewMs = random.between(-600_000, 600_000);
      return `${host.id}'s wall clock is ${(host.skewMs / 1000).toFixed(1)} s off now`;
    },
  },
];

/** Of the server's clock. */
const STEPS = [
  { mostMs: 3000, weight: 3 },
  { mostMs: 20_000, weight: 4 },
  { mostMs: 3_600_000, weight: 1 },
];

function weather(
  name: string,
  weight: number,
  worsen: (weather: World['hosts'][number]['weather'], random: SeededRandom) => void,
  [shortestMs, longestMs]: [number, number],
): Fault {
  return {
    name,
    weight,
    begin(world, random) {
      const host = victim(world, random, ['running', 'frozen', 'stopping'])?.host ?? random.pick(world.hosts);
      worsen(host.weather, random);
      const forMs = random.between(shortestMs, longestMs);
      world.later(forMs, () => world.calm(host));
      return `${name} of ${host.id} for ${forMs.toFixed(0)} ms`;
    },
  };
}
