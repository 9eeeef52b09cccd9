import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAddressList } from '../../src/infra/actions/http/addressList.ts';
import { type Config, readConfig } from '../../src/infra/config.ts';

type Env = Record<string, string>;

function config(env: Env, hostname = 'box-1'): Config {
  const read = readConfig(env, hostname);
  assert.ok('config' in read, JSON.stringify(read));
  return read.config;
}

function problems(env: Env, hostname = 'box-1'): string[] {
  const read = readConfig(env, hostname);
  assert.ok('problems' in read, JSON.stringify(read));
  return read.problems;
}

describe('configuration', () => {
  it('has a default for everything', () => {
    assert.deepEqual(config({}), {
      mongoUri: 'mongodb://mongo:27017/?connect=direct',
      database: 'hascheduler',
      host: '127.0.0.1',
      hostNames: [],
      doorSecret: null,
      hostIsDefault: true,
      port: 8080,
      replica: 'box-1',
      address: 'http://127.0.0.1:8080',
      logLevel: 'info',
      lease: { durationMs: 3000, retryMs: 300, marginMs: 500 },
      limits: { schedules: 100_000, moments: 2_000_000 },
      graceMs: 20_000,
      maxRuns: 500,
      standbyExecutes: true,
      secretsDir: null,
      targets: { allow: [], deny: [] },
      inspect: [],
      inspectPort: 8090,
    });
  });

  it('takes what it is told', () => {
    const env = {
      MONGO_URI: 'mongodb://a,b/?replicaSet=rs0',
      MONGO_DATABASE: 'other_db-1',
      HOST: '0.0.0.0',
      HOST_NAMES: ' Jobs.Example., [FD00:0::7],jobs.example,',
      PORT: '9001',
      HOSTNAME: 'scheduler-0',
      ADDRESS: 'https://scheduler-0.example/',
      LOG_LEVEL: 'WARN',
      LEASE_DURATION: '10s',
      LEASE_RETRY_PERIOD: '1s',
      LEASE_MARGIN: '1.5s',
      GRACE_PERIOD: '1m30s',
      MAX_SCHEDULES: '500',
      MAX_MOMENTS: '7',
      MAX_CONCURRENT_RUNS: '10000',
      STANDBY_EXECUTES: 'false',
      SECRETS_DIR: '/run/secrets',
      HTTP_ACTION_ALLOW: 'loopback',
      HTTP_ACTION_DENY: '10.0.0.0/8, 10.1.2.3',
      INSPECT: 'sse, Stately,sse',
      INSPECT_PORT: '9229',
    };
    assert.deepEqual(config(env), {
      mongoUri: 'mongodb://a,b/?replicaSet=rs0',
      database: 'other_db-1',
      host: '0.0.0.0',
      hostNames: ['jobs.example', '[fd00::7]'],
      doorSecret: null,
      hostIsDefault: false,
      port: 9001,
      replica: 'scheduler-0',
      address: 'https://scheduler-0.example',
      logLevel: 'warn',
      lease: { durationMs: 10_000, retryMs: 1000, marginMs: 1500 },
      limits: { schedules: 500, moments: 7 },
      graceMs: 90_000,
      maxRuns: 10_000,
      standbyExecutes: false,
      secretsDir: '/run/secrets',
      targets: { allow: parseAddressList('127.0.0.0/8,::1'), deny: parseAddressList('10.0.0.0/8,10.1.2.3') },
      inspect: ['sse', 'stately'],
      inspectPort: 9229,
    });
  });

  it('takes a value that is empty, or only blank, for one that is not set', () => {
    assert.deepEqual(config({ PORT: '', LOG_LEVEL: ' ', HOSTNAME: '', MONGO_URI: '  ' }), config({}));
  });

  it('makes the address from host and port', () => {
    assert.equal(config({ HOST: '10.0.0.7', PORT: '81' }).address, 'http://10.0.0.7:81');
    assert.equal(config({ HOST: '::1' }).address, 'http://[::1]:8080');
  });

  for (const host of ['0.0.0.0', '::', '0', '0:0:0:0:0:0:0:0', '::ffff:0.0.0.0']) {
    it(`says where this machine is reached when it listens on all addresses (HOST=${host})`, () => {
      const read = readConfig({ HOST: host }, 'box-1', '10.1.2.3');
      assert.equal('config' in read && read.config.address, 'http://10.1.2.3:8080');
      const six = readConfig({ HOST: host }, 'box-1', 'fd00::7');
      assert.equal('config' in six && six.config.address, 'http://[fd00::7]:8080');
      assert.equal(config({ HOST: host }).address, 'http://box-1:8080');
    });
  }

  it('asks for an address when the host has a zone, which is of no use elsewhere', () => {
    assert.match(problems({ HOST: 'fe80::1%eth0' })[0] ?? '', /^HOST="fe80::1%eth0": .*set ADDRESS/);
    assert.equal(
      config({ HOST: 'fe80::1%eth0', ADDRESS: 'http://[fd00::7]:8080' }).address,
      'http://[fd00::7]:8080',
    );
  });

  for (
    const [address, why] of [
      ['10.0.0.7:8080', /looks like http:/],
      ['ftp://10.0.0.7', /looks like http:/],
      ['http://joe:hunter2@10.0.0.7:8080', /no user name and no password/],
      ['http://hunter2@10.0.0.7:8080', /no user name and no password/],
      ['http://joe:hun/ter2@10.0.0.7:8080', /an address /],
      ['http://10.0.0.7:8080/?token=hunter2', /no query/],
      ['http://10.0.0.7:8080/#hunter2', /no fragment/],
      ['http://0.0.0.0:8080', /write one that leads to this replica/],
      ['http://[::]:8080', /write one that leads to this replica/],
      ['http://0:8080', /write one that leads to this replica/],
    ] as const
  ) {
    it(`refuses ADDRESS=${address}, without showing it`, () => {
      const [problem, ...others] = problems({ ADDRESS: address });
      assert.deepEqual(others, []);
      assert.match(problem ?? '', why);
      assert.match(problem ?? '', /^ADDRESS \(not shown here\): /);
      assert.doesNotMatch(problem ?? '', /hun|ter2/);
    });
  }

  for (const uri of ['mongodb://mongo:27017/?connect=direct', 'mongodb+srv://x.example/', 'memory:']) {
    it(`accepts MONGO_URI=${uri}`, () => assert.equal(config({ MONGO_URI: uri }).mongoUri, uri));
  }

  const port = 'a port is a number from 1 to 65535';
  const name = "a replica's name has 1 to 128 of A-Z a-z 0-9 . _ -";
  const database = 'a database name has 1 to 38 of A-Z a-z 0-9 _ -';
  const refused: [name: string, value: string, sentence: string][] = [
    ['PORT', '0', port],
    ['PORT', '65536', port],
    ['PORT', '80a', port],
    ['PORT', '-1', port],
    ['PORT', '8e3', port],
    ['HOSTNAME', 'my box', name],
    ['HOSTNAME', 'x'.repeat(129), name],
    ['MONGO_DATABASE', 'a.b', database],
    ['MONGO_DATABASE', 'x'.repeat(39), database],
    ['HOST_NAMES', 'jobs.example:8080', '"jobs.example:8080" has a port; leave it out, any port is meant'],
    [
      'HOST_NAMES',
      'ok.example,//jobs.example,*.example',
      '"//jobs.example" is not a host name; write names such as jobs.example, 10.0.0.7 or [fd00::7], with ' +
      'commas between; "*.example" has a *, but wildcards are not supported; write each name',
    ],
    [
      'HOST_NAMES',
      'a b',
      '"a b" is not a host name; write names such as jobs.example, 10.0.0.7 or [fd00::7], with commas between',
    ],
    ['MAX_SCHEDULES', '0', 'it must be a whole number from 1 to 999999999'],
    ['MAX_MOMENTS', '1e6', 'it must be a whole number from 1 to 999999999'],
    ['MAX_CONCURRENT_RUNS', '0', 'it must be a whole number from 1 to 10000'],
    ['MAX_CONCURRENT_RUNS', '10001', 'it must be a whole number from 1 to 10000'],
    ['MAX_CONCURRENT_RUNS', '-5', 'it must be a whole number from 1 to 10000'],
    ['MAX_CONCURRENT_RUNS', '1.5', 'it must be a whole number from 1 to 10000'],
    ['STANDBY_EXECUTES', 'yes', 'it must be true or false'],
    ['LOG_LEVEL', 'verbose', 'a log level is one of debug, info, warn, error'],
    ['LEASE_DURATION', '0', 'it must be longer than 0'],
    ['LEASE_RETRY_PERIOD', '-1s', 'it must be longer than 0'],
  ];
  for (const [variable, value, sentence] of refused) {
    it(`refuses ${variable}=${value.slice(0, 40)}`, () => {
      assert.deepEqual(problems({ [variable]: value }), [`${variable}="${value}": ${sentence}`]);
    });
  }

  it('refuses to show the actors by what it does not know', () => {
    assert.deepEqual(problems({ INSPECT: 'sse,browser' }), [
      'INSPECT="sse,browser": what the actors do can be shown by stately, by sse, or by both: stately,sse',
    ]);
  });

  for (const variable of ['LEASE_DURATION', 'LEASE_RETRY_PERIOD', 'LEASE_MARGIN', 'GRACE_PERIOD']) {
    it(`refuses a ${variable} that is no duration, and says why`, () => {
      const [problem, ...others] = problems({ [variable]: '3' });
      assert.deepEqual(others, []);
      assert.match(problem as string, new RegExp(`^${variable}="3": .*unit is missing after 3`));
    });
  }

  it('says all that is wrong at once', () => {
    const found = problems({ PORT: 'x', LOG_LEVEL: 'loud', GRACE_PERIOD: '0', LEASE_DURATION: 'soon' });
    assert.deepEqual(found.map((problem) => problem.split('=')[0]), [
      'PORT',
      'LEASE_DURATION',
      'LOG_LEVEL',
      'GRACE_PERIOD',
    ]);
  });

  it('says what is wrong with the host and with the name of this machine, as with anything else', () => {
    const found = problems({ HOST: 'bad host', PORT: 'x' }, 'this machine');
    assert.deepEqual(found.map((problem) => problem.split('=')[0]), ['HOST', 'PORT', 'HOSTNAME']);
  });

  it('checks the timing of the lease as a whole, once each part is readable', () => {
    const which = 'LEASE_DURATION, LEASE_RETRY_PERIOD, LEASE_MARGIN';
    assert.deepEqual(problems({ LEASE_DURATION: '1s', LEASE_MARGIN: '600ms' }), [
      `${which}: the lease margin (600ms) must be at most half of the lease duration (1000ms)`,
      `${which}: the lease retry period (300ms) must fit three times into the duration less the margin (400ms), ` +
      'so that two renewals may fail',
    ]);
    assert.deepEqual(
      problems({ LEASE_DURATION: '400ms', LEASE_MARGIN: '49ms', LEASE_RETRY_PERIOD: '19ms' }),
      [
        `${which}: the lease duration is 400ms; it must be at least 500ms`,
        `${which}: the lease retry period is 19ms; it must be at least 20ms`,
        `${which}: the lease margin is 49ms; it must be at least 50ms`,
      ],
    );
    assert.deepEqual(problems({ LEASE_DURATION: '1s', LEASE_MARGIN: '600ms', PORT: 'x' }).length, 1);
  });

  it('takes a lease that is just sound', () => {
    const timing = { LEASE_DURATION: '1s', LEASE_MARGIN: '100ms', LEASE_RETRY_PERIOD: '300ms' };
    assert.deepEqual(config(timing).lease, { durationMs: 1000, retryMs: 300, marginMs: 100 });
  });
});
