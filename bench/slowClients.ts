/**
 * The cost of event clients that read nothing: one replica as a process, a one-member MongoDB, and clients that open
 * `/events`, read nothing, and reconnect when they are cut off.
 * `npm run bench:slow -- --seconds 300 --rate 500 --clients 5`; `deno run -A bench/slowClients.ts` on Deno.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { testMongo } from '../harness/cluster/mongo.ts';
import { ReplicaProcess } from '../harness/cluster/replicas.ts';

const INTERVAL_MS = 100;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    rate: { type: 'string', default: '500' },
    clients: { type: 'string', default: '5' },
  },
});
const seconds = Number(values.seconds);
const schedules = Math.round(Number(values.rate) * INTERVAL_MS / 1000);

/** How long a client lasted, and how much data was in the socket buffers of both ends. */
interface Cut {
  afterMs: number;
  bytes: number;
}

/** Opens the events and reads nothing until it is cut off; then counts the buffered data. */
async function neverReads(port: number, over: AbortSignal): Promise<Cut | null> {
  const startedMs = performance.now();
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET /events HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
  // A paused socket does not notice that it is closed; the kernel's table of connections shows it.
  const localPort = await new Promise<number>((resolve) =>
    socket.once('connect', () => resolve(socket.localPort as number))
  );
  while (!over.aborted && isEstablished(port, localPort)) await delay(200);
  if (over.aborted) {
    socket.destroy();
    return null;
  }
  const afterMs = performance.now() - startedMs;
  let bytes = 0;
  socket.on('data', (chunk) => (bytes += chunk.length));
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  return { afterMs, bytes };
}

/** A client that reads, for comparison. */
async function countEvents(url: string, over: AbortSignal, add: (count: number) => void): Promise<void> {
  try {
    const { body } = await fetch(`${url}/events?types=run`, { signal: over });
    for await (const text of (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
      add(text.split('\nevent: run').length - 1);
    }
  } catch (error) {
    if (!over.aborted) throw error;
  }
}

/** Whether the server's end of the connection is established: state 01 in /proc/net/tcp. */
function isEstablished(port: number, localPort: number): boolean {
  const hex = (number: number) => number.toString(16).toUpperCase().padStart(4, '0');
  const [here, there] = [`0100007F:${hex(port)}`, `0100007F:${hex(localPort)}`];
  const table = readFileSync('/proc/net/tcp', 'utf8');
  return table.split('\n').some((line) => {
    const [, local, remote, state] = line.trim().split(/\s+/);
    return local === here && remote === there && state === '01';
  });
}

function rssMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** The replica itself is the process with the most memory among the spawned one and its children. */
function programOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(
    Boolean,
  )
    .map(Number);
  return [pid, ...children.map(programOf)].reduce((a, b) => rssMb(b) > rssMb(a) ? b : a);
}

const mongo = await testMongo();
if (mongo.skip) throw new Error(mongo.skip);
const replica = await ReplicaProcess.start('slow', {
  MONGO_URI: mongo.uri,
  MONGO_DATABASE: mongo.database(),
});
const over = new AbortController();
try {
  await replica.said((line) => line.msg === 'leading');
  const port = Number(new URL(replica.url).port);
  const definition = { interval: `${INTERVAL_MS}ms` };
  for (let i = 0; i < schedules; i++) {
    await replica.json('/schedules', {
      method: 'POST',
      body: JSON.stringify({ type: 'duration', definition }),
    });
  }
  const pid = programOf(replica.process.pid);
  await delay(5000);
  console.log(`at ${values.rate} events a second, without clients: ${rssMb(pid).toFixed(0)} MB`);
  const cuts: Cut[] = [];
  const clients = Array.from({ length: Number(values.clients) }, async () => {
    while (!over.signal.aborted) {
      const cut = await neverReads(port, over.signal);
      if (cut) cuts.push(cut);
    }
  });
  let events = 0;
  const reading = countEvents(replica.url, over.signal, (count) => (events += count));
  const startedMs = performance.now();
  const all: number[] = [];
  for (let next = 30; next <= Math.max(30, seconds); next += 30) {
    const until = startedMs + Math.min(next, seconds) * 1000;
    while (performance.now() < until) {
      all.push(rssMb(pid));
      await delay(1000);
    }
    const last = all.slice(-30);
    console.log(
      `after ${String(Math.min(next, seconds)).padStart(3)} s: ${Math.min(...last).toFixed(0)} to ` +
        `${Math.max(...last).toFixed(0)} MB, ${cuts.length} cut off, ` +
        `${(events / Math.min(30, seconds)).toFixed(0)} events a second to the client that reads`,
    );
    replica.lines.length = 0;
    events = 0;
  }
  over.abort();
  // Some clients never notice that they are closed.
  await Promise.race([Promise.all([...clients, reading]), delay(2000)]);
  const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;
  console.log(
    `a client that reads nothing lasts ${(median(cuts.map(({ afterMs }) => afterMs)) / 1000).toFixed(1)} s ` +
      `(median of ${cuts.length}), with ${(median(cuts.map(({ bytes }) => bytes)) / 1024).toFixed(0)} KiB ` +
      `in the buffers of both kernels`,
  );
} finally {
  over.abort();
  await replica.process.stop(10_000);
  await mongo.stop();
}
process.exit(0);
