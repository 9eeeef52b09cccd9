/** What the connector hands to undici's, which is replaced here: every host is an address that was checked. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { buildConnector } from 'undici';
import { parseAddressList } from '../../../../src/infra/actions/http/addressList.ts';
import {
  checkedConnector,
  type ConnectorOptions,
  systemResolve,
} from '../../../../src/infra/actions/http/connector.ts';
import { systemClock } from '../../../../src/infra/machine/clock.ts';
import { SimClock } from '../../../../harness/sim/clock.ts';
import { failure } from './support.ts';

interface Asked {
  hostname: string;
  servername: string | undefined;
}

function connector(options: Partial<ConnectorOptions> = {}, open?: buildConnector.connector) {
  const asked: Asked[] = [];
  const looked: string[] = [];
  const { resolve = systemResolve } = options;
  const connect = checkedConnector(
    open ?? (({ hostname, servername }, callback) => {
      asked.push({ hostname, servername });
      callback(null, { destroy() {} } as Socket);
    }),
    {
      targets: { allow: [], deny: [] },
      clock: systemClock(),
      connectMs: 60_000,
      closing: new AbortController().signal,
      ...options,
      resolve: (name) => (looked.push(name), resolve(name)),
    },
  );
  const to = (hostname: string, more: Partial<buildConnector.Options> = {}) =>
    new Promise<Socket>((resolve, reject) =>
      connect(
        { hostname, host: hostname, protocol: 'https:', port: '', ...more },
        (error, socket) => error === null ? resolve(socket) : reject(error),
      )
    );
  return { to, asked, looked };
}

const answers = (...addresses: string[]) => async () => addresses;

describe('a checked connection', () => {
  for (
    const [kind, hosts] of Object.entries({
      'an address': ['127.0.0.1', '::1', '[::1]', '::ffff:127.0.0.1', '[::ffff:7f00:1]', '::', '0.0.0.0'],
      'metadata': ['169.254.169.254', '::ffff:169.254.169.254', '[fd00:ec2::254]', '100.100.100.200'],
      'an embedded address': [
        '::127.0.0.1',
        '64:ff9b::7f00:1',
        '64:ff9b:1::1',
        '2002:7f00:1::',
        '2001::80ff:fffe',
      ],
      'a link-local address': ['169.254.1.1', 'fe80::1', 'fe80::1%lo'],
    })
  ) {
    it(`is not opened to ${kind} that is refused, without a look-up`, async () => {
      const { to, asked, looked } = connector();
      for (const host of hosts) {
        await assert.rejects(to(host), failure('refused_target', /to HTTP_ACTION_ALLOW\.$/));
      }
      assert.deepEqual([asked, looked], [[], []]);
    });
  }

  it('is not opened to spellings of an address that only a resolver knows', async () => {
    const { to, asked, looked } = connector();
    const hosts = ['2130706433', '0x7f000001', '0177.0.0.1', '0x7f.1', '127.1', '0', 'localhost'];
    for (const host of hosts) {
      await assert.rejects(to(host), failure('refused_target', /HTTP_ACTION_ALLOW\.$/));
    }
    assert.deepEqual([asked, looked], [[], hosts]);
  });

  it('is not opened when any answer of the look-up is refused', async () => {
    for (
      const bad of ['127.0.0.1', '::1', '169.254.169.254', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '127.1', '']
    ) {
      for (const addresses of [[bad], ['10.0.0.7', bad], [bad, '10.0.0.7']]) {
        const { to, asked } = connector({ resolve: answers(...addresses) });
        await assert.rejects(
          to('jobs.example'),
          failure('refused_target', /^jobs\.example resolves to .*\. .+\.$/),
        );
        assert.deepEqual(asked, []);
      }
    }
  });

  it('names the name, its addresses and the refused one', async () => {
    const { to } = connector({ resolve: answers('10.0.0.7', '127.0.0.1') });
    await assert.rejects(
      to('jobs.example'),
      failure(
        'refused_target',
        'jobs.example resolves to 10.0.0.7, 127.0.0.1. 127.0.0.1 is a loopback address. ' +
          'No request is sent there; to allow it, add loopback to HTTP_ACTION_ALLOW.',
      ),
    );
  });

  it('names five addresses of a name that has many', async () => {
    const many = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const { to } = connector({ resolve: answers(...many, '127.0.0.1') });
    await assert.rejects(
      to('jobs.example'),
      failure('refused_target', /10\.0\.0\.4 and 296 more\. 127\.0\.0\.1 is a loopback/),
    );
  });

  it('goes to the address that was checked, also when the name has another one a moment later', async () => {
    const rebinding = [['10.0.0.7'], ['127.0.0.1']];
    const { to, asked, looked } = connector({ resolve: async () => rebinding.shift() ?? [] });
    await to('jobs.example');
    assert.deepEqual(asked, [{ hostname: '10.0.0.7', servername: 'jobs.example' }]);
    assert.deepEqual(looked, ['jobs.example'], 'there is one look-up for a connection');
    await assert.rejects(to('jobs.example'), failure('refused_target', /loopback/));
    assert.equal(asked.length, 1);
  });

  it('has the name for the certificate, and none for an address', async () => {
    const { to, asked } = connector({ resolve: answers('10.0.0.7', '10.0.0.7') });
    await to('jobs.example.');
    await to('10.0.0.8');
    await to('[fd00::7]');
    assert.deepEqual(asked, [
      { hostname: '10.0.0.7', servername: 'jobs.example' },
      { hostname: '10.0.0.8', servername: '' },
      { hostname: 'fd00::7', servername: '' },
    ]);
  });

  it('follows both lists', async () => {
    const { to, asked } = connector({
      targets: { allow: parseAddressList('loopback'), deny: parseAddressList('10.0.0.0/8, 127.0.0.5') },
    });
    await to('127.0.0.1');
    assert.equal(asked.length, 1);
    for (const host of ['10.0.0.7', '::ffff:10.0.0.7', '127.0.0.5']) {
      await assert.rejects(to(host), failure('refused_target', /, which HTTP_ACTION_DENY lists\./));
    }
  });
});

describe('a connection that fails', () => {
  it('says what is wrong with the name', async () => {
    const failing = (code: string) => async () => {
      throw Object.assign(new Error(`getaddrinfo ${code}`), { code });
    };
    const sentences: [(name: string) => Promise<string[]>, string][] = [
      [failing('ENOTFOUND'), 'The name jobs.example is unknown: its look-up gives no address.'],
      [failing('EAI_AGAIN'), "The name jobs.example can't be looked up now: no name server answers."],
      [failing('EAI_FAIL'), "The name jobs.example can't be looked up: getaddrinfo EAI_FAIL."],
      [answers(), 'The name jobs.example has no address.'],
    ];
    for (const [resolve, sentence] of sentences) {
      await assert.rejects(connector({ resolve }).to('jobs.example'), failure('name', sentence));
    }
  });

  it('says what is wrong with the network', async () => {
    const sentences: Record<string, string> = {
      ECONNREFUSED: 'jobs.example:443 refuses connections: no process listens there.',
      EHOSTUNREACH: "jobs.example:443 can't be reached from this replica: there is no route to it.",
      ETIMEDOUT: 'jobs.example:443 does not answer: its network gives no sign.',
      EACCES: 'This replica may not connect to jobs.example:443: its system forbids it.',
      EMFILE: "This replica can't open another connection: it has too many (EMFILE).",
      EODD: 'There is no connection to jobs.example:443: connect went wrong (EODD).',
    };
    for (const [code, sentence] of Object.entries(sentences)) {
      const { to } = connector(
        { resolve: answers('10.0.0.7', 'fd00::7') },
        (_, callback) => callback(Object.assign(new Error('connect went wrong.'), { code }), null),
      );
      await assert.rejects(to('jobs.example'), failure('connect', `${sentence} Tried: 10.0.0.7, fd00::7.`));
    }
  });

  it('names no address beside the host when that is one', async () => {
    const { to } = connector(
      {},
      (_, callback) => callback(Object.assign(new Error(), { code: 'ECONNREFUSED' }), null),
    );
    await assert.rejects(
      to('[fd00::7]', { port: '8080' }),
      failure('connect', /^\[fd00::7\]:8080 .*listens there\.$/),
    );
  });

  it('takes no longer than its limit, the look-up included', async () => {
    for (const waiting of ['look-up', 'connection']) {
      const clock = new SimClock();
      const { to } = connector({
        clock,
        connectMs: 5_000,
        resolve: waiting === 'look-up' ? () => new Promise(() => {}) : answers('10.0.0.7'),
      }, () => {});
      const rejected = assert.rejects(
        to('jobs.example', { protocol: 'http:' }),
        failure('timeout', 'There was no connection to jobs.example:80 within 5000 ms.'),
      );
      await clock.advance(5_000);
      await rejected;
    }
  });

  it('leaves no socket behind that opens late', async () => {
    const destroyed: string[] = [];
    const late: (() => void)[] = [];
    const clock = new SimClock();
    const { to } = connector({ clock, connectMs: 5_000 }, ({ hostname }, callback) => {
      late.push(() => callback(null, { destroy: () => void destroyed.push(hostname) } as unknown as Socket));
    });
    const rejected = assert.rejects(to('10.0.0.7'), failure('timeout', /within 5000 ms/));
    await clock.advance(5_000);
    await rejected;
    for (const open of late) open();
    assert.deepEqual(destroyed, ['10.0.0.7']);
  });

  it('leaves no socket behind at whatever moment it is no longer wanted', async () => {
    let outcomes = '';
    for (let turns = 0; turns < 20; turns++) {
      const closing = new AbortController();
      let destroyed = false;
      const abortLater = async () => {
        for (let turn = 0; turn < turns; turn++) await null;
        closing.abort(new Error('not wanted'));
      };
      const { to } = connector({ closing: closing.signal }, (_, callback) => {
        callback(null, { destroy: () => void (destroyed = true) } as unknown as Socket);
        void abortLater();
      });
      const opened = await to('10.0.0.7').then(() => true, () => false);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(destroyed, !opened, `aborted after ${turns} turns`);
      outcomes += opened ? 'o' : 'd';
    }
    assert.match(outcomes, /^d+o+$/);
  });
});
