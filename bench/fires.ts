/**
 * Lateness under an even load on this machine: schedules of one second, three processes, a one-member MongoDB.
 * `npm run bench:fires -- --per-second 1000 --seconds 30`. Lateness is from the nominal time to the start of the
 * attempt, by the server's clock.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { testMongo } from '../harness/cluster/mongo.ts';
import { ProcessCluster } from '../harness/cluster/replicas.ts';

const { values: options } = parseArgs({
  options: { 'per-second': { type: 'string', default: '1000' }, seconds: { type: 'string', default: '30' } },
});
const perSecond = Number(options['per-second']);

const mongo = await testMongo();
if (mongo.skip) throw new Error(mongo.skip);
const cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: mongo.database() });
const leader = cluster.leader();
for (let index = 0; index < perSecond; index++) {
  // Spread over the second.
  const anchor = new Date(Date.UTC(2026, 0, 1) + Math.round(index * 1000 / perSecond)).toISOString();
  const body = JSON.stringify({ id: `s${index}`, type: 'duration', definition: { interval: '1s', anchor } });
  await leader.json('/schedules', { method: 'POST', body });
}
await delay(3000);
const from = cluster.replicas.map(({ lines }) => lines.length);
await delay(Number(options.seconds) * 1000);
const late = cluster.replicas.flatMap(({ lines }, index) =>
  lines.slice(from[index]).filter(({ msg }) => msg === 'running schedule').map((line) =>
    Number(line.lateness_ms)
  )
).toSorted((a, b) => a - b);
const at = (share: number) => late[Math.min(late.length - 1, Math.floor(late.length * share))];
console.log(
  `${late.length} fires in ${options.seconds} s: lateness p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${
    late.at(-1)
  } ms`,
);
await cluster.stop();
await mongo.stop();
