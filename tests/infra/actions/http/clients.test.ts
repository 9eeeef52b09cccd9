import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import type { Client } from 'undici';
import { Clients } from '../../../../src/infra/actions/http/clients.ts';

/** As far as a pool of clients uses one. */
class FakeClient extends EventEmitter {
  readonly stats = { connected: true };
  readonly origin: string;
  readonly closing: AbortSignal;
  destroyed = false;

  constructor(origin: string, closing: AbortSignal) {
    super();
    this.origin = origin;
    this.closing = closing;
  }

  destroy(): Promise<void> {
    this.destroyed = true;
    return Promise.resolve();
  }
}

function pool() {
  const opened: FakeClient[] = [];
  const clients = new Clients((origin, closing) => {
    const client = new FakeClient(origin, closing);
    opened.push(client);
    return client as unknown as Client;
  });
  return { clients, opened, destroyed: () => opened.filter(({ destroyed }) => destroyed).length };
}

describe('clients', () => {
  it('serve one call at a time, and the next to the same origin', () => {
    const { clients, opened } = pool();
    const [a, b] = [clients.take('http://a'), clients.take('http://a')];
    assert.equal(opened.length, 2);
    clients.giveBack(a);
    clients.giveBack(b);
    assert.equal(clients.take('http://b').client, opened[2] as unknown as Client);
    assert.equal(clients.take('http://a'), b, 'the one that was used last');
    assert.equal(clients.take('http://a'), a);
    assert.equal(opened.length, 3);
  });

  it('are not used again when their connection is closed, or was not good to its end', () => {
    const { clients, opened, destroyed } = pool();
    const [idle, closed, failed] = [
      clients.take('http://a'),
      clients.take('http://a'),
      clients.take('http://a'),
    ];
    clients.giveBack(idle);
    opened[0]!.emit('disconnect');
    opened[1]!.stats.connected = false;
    clients.giveBack(closed);
    void clients.discard(failed);
    assert.equal(destroyed(), 3);
    clients.take('http://a');
    assert.equal(opened.length, 4);
  });

  it('may lose their connection while a call has them, and open another', () => {
    const { clients, opened, destroyed } = pool();
    clients.take('http://a');
    opened[0]!.emit('disconnect');
    assert.equal(destroyed(), 0);
  });

  it('stop connecting when they are discarded', () => {
    const { clients, opened } = pool();
    const leased = clients.take('http://a');
    assert.equal(opened[0]!.closing.aborted, false);
    void clients.discard(leased);
    assert.equal(opened[0]!.closing.aborted, true);
  });

  it('are kept up to a hundred', () => {
    const { clients, destroyed } = pool();
    const taken = Array.from({ length: 120 }, (_, i) => clients.take(`http://${i % 7}`));
    for (const leased of taken) clients.giveBack(leased);
    assert.equal(destroyed(), 20);
  });

  it('are all destroyed at the end, those of running calls too', async () => {
    const { clients, destroyed } = pool();
    clients.giveBack(clients.take('http://a'));
    const running = clients.take('http://b');
    await clients.close();
    assert.equal(destroyed(), 2);
    clients.giveBack(running);
    assert.equal(destroyed(), 2);
  });
});
