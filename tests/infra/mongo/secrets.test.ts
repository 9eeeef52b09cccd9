/** Whatever is wrong with a MongoDB URI: no piece of what may be secret is printed, and the part is named. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { readConfig } from '../../../src/infra/config.ts';
import { mongoClient } from '../../../src/infra/mongo/shared/client.ts';
import { initiateReplicaSet } from '../../../src/infra/mongo/shared/initiate.ts';

/** Pieces of the secrets of the table, as they stand there and decoded. */
const PIECES = /hun|ter2|swordfish|joe/i;

const ESCAPE = /must be percent-encoded/;
const HOSTS = /^the host list: /;
const NASTY: [uri: string, part: RegExp][] = [
  ['mongodb://joe:hun/ter2@h/db', ESCAPE],
  ['mongodb://joe:hun@ter2@h/db', ESCAPE],
  ['mongodb://joe:hun?ter2@h/db', ESCAPE],
  ['mongodb://joe:hun#ter2@h/db', ESCAPE],
  ['mongodb://joe:hun:ter2@h/db', ESCAPE],
  ['mongodb://joe:hun[ter2@h/db', ESCAPE],
  ['mongodb://joe:hun%ter2@h/db', ESCAPE],
  ['mongodb://jo/e:hunter2@h/db', ESCAPE],
  ['mongodb://joe@x:hunter2@h/db', ESCAPE],
  ['mongodb://joe:hun%2Fter2@h/?replicaSet=a@hunter2', ESCAPE],
  ['mongodb://h/?authSource=a#hunter2', ESCAPE],
  ['mongodb+srv://joe:hun/ter2@h.example/', ESCAPE],
  ['mongodb://:hunter2@h/', /^the user information: /],
  ['joe:hunter2@h/db', /^the scheme: /],
  ['//joe:hunter2@h/db', /^the scheme: /],
  ['http://joe:hunter2@h/db', /^the scheme: /],
  ['postgres://joe:hun%2Fter2@h/', /^the scheme: /],
  ['mongodb:joe:hunter2@h', /^the scheme: /],
  ['MONGODB://joe:hunter2@h/', /^the scheme: /],
  ['hunter2', /^the scheme: /],
  ['memory:hunter2', /^the scheme: /],
  ['mongodb://joe:hunter2/', HOSTS],
  ['mongodb://joe:hunter2@h:hunter2/', HOSTS],
  ['mongodb://joe:hunter2@/', HOSTS],
  ['mongodb://joe:hunter2@h:99999/', HOSTS],
  ['mongodb://joe:hunter2@a,,b/', HOSTS],
  ['mongodb://joe:hunter2@h unter2/', HOSTS],
  ['mongodb+srv://joe:hunter2@h.example:27017/', HOSTS],
  ['mongodb+srv://joe:hunter2@a.example,b.example/', HOSTS],
  ['mongodb://joe:hunter2@h/?hunter2', /^the query: option 1 is not written as name=value/],
  ['mongodb://joe:hunter2@h/?w=1&authSource=', /^the query: option 2 is not written/],
  ['mongodb://joe:hunter2@h/?=hunter2', /^the query: option 1 is not written/],
  ['mongodb://h/?w=1&swordfish=hunter2', /^the query: option 2 is not known to the driver/],
  ['mongodb://h/?password=hunter2', /^the query: option 1 is not known/],
  ['mongodb://h/?connect=hunter2', /^the option connect: /],
  ['mongodb://h/?authMechanism=hunter2', /^the option authMechanism: /],
  ['mongodb://h/?w=1&maxPoolSize=hunter2', /^the option maxPoolSize: /],
  ['mongodb://h/?compressors=hunter2', /^the option compressors: /],
  ['mongodb://h/?readPreference=hunter2', /^the option readPreference: /],
  ['mongodb://h/?tls=hunter2', /^the option tls: /],
  ['mongodb://h/?proxyPassword=hunter2', /^the option proxyPassword: /],
  ['mongodb://h/?authMechanismProperties=hunter2', /^the option authMechanismProperties: /],
  ['mongodb://h/?serverApi=hunter2', /^the option serverApi: /],
  ['mongodb://h/?tls=true&tlsCertificateKeyFilePassword=hunter2&tls=false', /^the option tls: /],
  ['mongodb://h/?maxPoolSize=hunter2&readPreference=hunter2', /^the option maxPoolSize: /],
  ['mongodb://joe:hunter2@a,b/?directConnection=true', /^the option directConnection: /],
];

const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** All that a logger or a terminal could get out of an error. */
function allOf(error: Error): string {
  return `${error.stack} ${error.message} ${String(error.cause)} ${JSON.stringify(error)}`;
}

function refusal(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  assert.fail('it was taken');
}

describe('a MongoDB URI that is wrong', () => {
  for (const [uri, part] of NASTY) {
    it(`${uri}: the part is named, and nothing of it shown`, async () => {
      const error = refusal(() => mongoClient(uri));
      assert.match(error.message, part);
      const read = readConfig({ MONGO_URI: uri }, 'box-1');
      assert.ok('problems' in read);
      assert.deepEqual(read.problems, [`MONGO_URI (not shown here): ${error.message}`]);
      const initiated = await initiateReplicaSet({ uri, clock: systemClock(), logger, limitMs: 0 })
        .then(() => assert.fail('it was taken'), (refused: Error) => refused);
      const said = [allOf(error), ...read.problems, allOf(initiated)].join(' ').replaceAll(
        /\(.*tests\/.*\)/g,
        '',
      );
      assert.doesNotMatch(said, PIECES);
    });
  }

  it('is not shown either when it stands where another value should', () => {
    for (
      const name of ['PORT', 'HOST', 'HOSTNAME', 'MONGO_DATABASE', 'LOG_LEVEL', 'LEASE_DURATION', 'INSPECT']
    ) {
      const read = readConfig({ [name]: 'mongodb://joe:hunter2@h/' }, 'box-1');
      assert.ok('problems' in read);
      assert.match(read.problems.join(), new RegExp(`^${name} \\(not shown here\\): this looks like a URI`));
      assert.doesNotMatch(read.problems.join(), PIECES);
    }
  });
});

describe('a MongoDB URI that is right', () => {
  const RIGHT = [
    'mongodb://joe:hun%2Fter2@a:27017,b/db?replicaSet=rs0&authSource=admin',
    'mongodb://[::1]:27017/?directConnection=true',
    'mongodb://%2Ftmp%2Fmongodb-27017.sock/',
    'mongodb+srv://joe:hunter2@h.example.net/?retryWrites=true&w=majority',
    'mongodb://h?replicaSet=a&',
    'mongodb://mongo:27017/?connect=direct',
    'mongodb://joe:hunter2@h/?authMechanism=PLAIN&authSource=$external',
  ];
  for (const uri of RIGHT) {
    it(`${uri} is taken`, async () => {
      await mongoClient(uri).close();
      assert.ok('config' in readConfig({ MONGO_URI: uri }, 'box-1'));
    });
  }
});
