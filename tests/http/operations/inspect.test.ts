import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createActor, createMachine } from 'xstate';
import { inspection } from '../../../src/http/operations/inspect.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { readEvents } from '../../support/sse.ts';
import { problem, testApi } from '../support.ts';

const replica = { id: 'replica-1', boot: 'boot-1', address: '', version: '' };

const lamp = createMachine({
  id: 'lamp',
  context: { colour: 'red', burn: () => {} },
  initial: 'off',
  states: { off: { on: { PRESS: 'on' } }, on: { on: { PRESS: 'off' } } },
});

async function setUp(enabled = true) {
  const inspected = inspection({ replica, clock: systemClock() }, enabled);
  const { app } = await testApi({ more: inspected.routes });
  const actor = createActor(lamp, { id: 'lamp', inspect: inspected.observe }).start();
  const ask = async (query = '') => {
    const response = await app.request(`/inspect${query}`);
    assert.equal(response.status, 200);
    const events = readEvents(response.body as ReadableStream<Uint8Array>);
    assert.equal((await events.next()).event, 'hello');
    return events;
  };
  return { app, actor, ask, close: inspected.close };
}

describe('GET /inspect', () => {
  it('is a 404 by default, which says how to enable it', async () => {
    const { app } = await setUp(false);
    const { detail } = await problem(app.request('/inspect'), 404);
    assert.equal(detail, 'inspection of this replica is off; start it with INSPECT=sse');
  });

  it('streams XState’s inspection events, with ids that contain the replica’s', async () => {
    const { actor, ask } = await setUp();
    const events = await ask();
    actor.send({ type: 'PRESS' });
    const [event, microstep, snapshot] = await events.take(3);
    assert.deepEqual([event, microstep, snapshot].map((each) => each?.event), [
      'event',
      'microstep',
      'snapshot',
    ]);
    const id = `replica-1/${actor.sessionId}`;
    assert.equal(event?.data.type, '@xstate.event');
    assert.deepEqual(
      [event.data.session_id, event.data.root_id, event.data.actor, event.data.event],
      [id, id, 'lamp', { type: 'PRESS' }],
    );
    assert.deepEqual(microstep?.data.transitions, ['PRESS']);
    assert.deepEqual(snapshot?.data.snapshot, { status: 'active', value: 'on', context: { colour: 'red' } });
  });

  it('streams those of the requested actors', async () => {
    const { actor, ask } = await setUp();
    const [others, lamps] = [await ask('?actor=election,mirror'), await ask('?actor=election,lamp')];
    actor.send({ type: 'PRESS' });
    assert.equal((await lamps.next()).data.actor, 'lamp');
    await lamps.cancel();
    void others.next().then(() => assert.fail('received a message of another actor'), () => {});
    await others.cancel();
  });

  it('drops messages for a slow client, and reports how many', async () => {
    const { actor, ask } = await setUp();
    const events = await ask();
    for (let i = 0; i < 1000; i++) actor.send({ type: 'PRESS' });
    const kept = await events.take(750);
    assert.deepEqual(new Set(kept.map(({ event }) => event)), new Set(['event', 'microstep', 'snapshot']));
    actor.send({ type: 'PRESS' });
    const [dropped, next] = await events.take(2);
    assert.deepEqual([dropped?.event, dropped?.data], ['dropped', { count: 3000 - 750 }]);
    assert.equal(next?.event, 'event');
  });

  it('serves ten clients, and ends with the replica', async () => {
    const { app, ask, close } = await setUp();
    const clients = [];
    for (let i = 0; i < 10; i++) clients.push(await ask());
    assert.match((await problem(app.request('/inspect'), 503)).detail, /limit of 10 inspection clients/);
    await clients[0]?.cancel();
    const last = await ask();
    close();
    assert.deepEqual(await last.rest(), []);
    assert.equal((await problem(app.request('/inspect'), 503)).detail, 'this replica is stopping');
  });
});
