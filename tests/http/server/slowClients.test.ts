/** Over real sockets: a client that reads nothing is cut off when its queue is full; others are not affected. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import type { EventFeed, EventStep } from '../../../src/actors/events/eventFeed.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { EventHub } from '../../../src/http/events/hub.ts';
import { eventRoutes } from '../../../src/http/events/routes.ts';
import { serve } from '../../../src/http/server/server.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { claimed } from '../../support/runs.ts';
import { readEvents } from '../../support/sse.ts';
import { NOW_MS, testApi } from '../support.ts';

const MIB = 1024 * 1024;
/** More than the kernel's buffers at both ends hold, and far more than a queue may. */
const ENOUGH_BYTES = 256 * MIB;

/**
 * Emits runs with much output, as fast as the reading client calls `taken`. `emittedBytes` counts their output.
 */
function torrent(): { feed: EventFeed; taken: () => void; emittedBytes: () => number } {
  const output = 'x'.repeat(64 * 1024);
  let number = 0;
  let taken = 0;
  let wake = () => {};
  const next = async (): Promise<EventStep> => {
    while (number - taken >= 8) await new Promise<void>((resolve) => (wake = resolve));
    const run: Run = { ...claimed('a', NOW_MS), id: `run-${++number}`, state: 'succeeded', output };
    return { event: { type: 'run', run }, position: String(number).padStart(9, '0') };
  };
  const start = '000000000';
  return {
    feed: { open: () => Promise.resolve({ start, next, close() {} }) },
    taken() {
      taken++;
      wake();
    },
    emittedBytes: () => number * output.length,
  };
}

describe('a client that reads nothing', () => {
  it('is cut off, while one that reads gets everything', async () => {
    const clock = systemClock();
    const { feed, taken, emittedBytes } = torrent();
    const log: string[] = [];
    const logger = { debug: (text: string) => void log.push(text), info() {}, warn() {}, error() {} };
    const replica = { id: 'r', boot: 'b', address: '', version: '' };
    const hub = new EventHub({ events: feed, clock, logger, serverNowMs: () => NOW_MS, replica });
    const { app } = await testApi({ more: eventRoutes(hub) });
    const server = await serve(app, { host: '127.0.0.1', port: 0, clock });
    const response = await fetch(`http://127.0.0.1:${server.port}/events`);
    const sleeper = connect(server.port, '127.0.0.1');
    sleeper.on('error', () => {});
    sleeper.pause();
    sleeper.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
    try {
      const reader = readEvents(response.body as ReadableStream<Uint8Array>);
      let last = '';
      for (let sleepers = 0; hub.counts.cutOff === 0;) {
        const { id, event, data } = await reader.next();
        if (event === 'run') {
          const before = last === '' ? data.id : `run-${Number(last) + 1}`;
          assert.deepEqual([data.id, data.id], [before, `run-${Number(id)}`], 'none is missing');
          last = id as string;
          taken();
        }
        sleepers = Math.max(sleepers, hub.counts.clients);
        assert.ok(
          emittedBytes() < ENOUGH_BYTES,
          `not cut off after ${emittedBytes() / MIB} MiB; ${sleepers} clients`,
        );
      }
      assert.deepEqual(log.filter((text) => text.includes('does not read')), [
        'disconnected a client of the events that does not read',
      ]);
      assert.equal(hub.counts.clients, 1);
      await reader.next();
      await reader.cancel();
      const closed = once(sleeper, 'close');
      sleeper.resume();
      await closed;
    } finally {
      sleeper.destroy();
      hub.close();
      await server.close();
    }
  });
});
