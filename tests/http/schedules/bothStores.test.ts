/**
 * The same requests to the API over MongoDB and over the memory store: both accept and refuse the same ones, and
 * no request causes an error of the store.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Hono } from 'hono';
import { observedStore } from '../../../src/infra/shared/observedStore.ts';
import { mongoDatabase, type TestMongoDatabase } from '../../store/mongoDatabase.ts';
import { testMongo } from '../../../harness/cluster/mongo.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { testApi } from '../support.ts';

type Ask = [method: string, path: string, body?: string];

const mongo = await testMongo();
after(() => mongo.stop());

const schedule = (fields: string) =>
  `{"id":"a","type":"duration","definition":{"interval":"1h"}${fields && `,${fields}`}}`;
const post = (fields: string): Ask => ['POST', '/schedules', schedule(fields)];
const cursor = (json: string) => btoa(json).replaceAll('=', '');

/** Each begins without schedules. The status is that of the last request. */
const CASES: [what: string, asks: Ask[], status: number][] = [
  ['two halves of characters as keys', [
    post('"tags":{"\\ud800":"x","\\ud801":"y"}'),
    ['POST', '/schedules/a/pause'],
  ], 404],
  ['half of a character in a name', [post('"name":"a\\ud800b"')], 422],
  ['half of a character in a description', [post('"description":"\\udc00\\ud800"')], 422],
  ['half of a character in a tag', [post('"tags":{"a":"\\udfff"}')], 422],
  ['half of a character in what is ignored', [post('"last_run":{"a":["\\ud800"]}')], 422],
  ['half of a character in the id', [['POST', '/schedules', schedule('').replace('"a"', '"\\ud800"')]], 422],
  ['half of a character in an unknown field', [post('"\\ud800":1')], 422],
  [
    'half of a character in a reason',
    [post(''), ['POST', '/schedules/a/pause', '{"reason":"\\ud800"}']],
    422,
  ],
  ['half of a character as a whole body', [['POST', '/schedules', '"\\ud800"']], 422],
  ['whole characters of two units', [
    post('"name":"\\ud83d\\ude00","tags":{"\\ud83d\\ude00":"\\ud83d\\ude01"}'),
  ], 201],
  ['a NUL in a name', [post('"name":"a\\u0000b"')], 422],
  ['a NUL in a key', [post('"tags":{"a\\u0000":"b"}')], 422],
  ['a NUL in a reason', [post(''), ['POST', '/schedules/a/pause', '{"reason":"\\u0000"}']], 422],
  ['keys that mean something to MongoDB', [
    post('"tags":{"$set":"$x","a.b":"$$NOW","_id":"1","0":"a","":"x"}'),
  ], 422],
  ['keys that mean something to MongoDB, none empty', [
    post('"tags":{"$set":"$x","a.b":"$$NOW","_id":"1","0":"a"},"paused":true'),
    ['POST', '/schedules/a/resume'],
  ], 200],
  ['the key __proto__', [post('"tags":{"__proto__":"x"}')], 422],
  [
    'the tag name constructor',
    [post('"tags":{"constructor":"x"}'), ['GET', '/schedules?tag=constructor:x']],
    200,
  ],
  ['a tag of no schedule', [post(''), ['GET', '/schedules?tag=__proto__:x']], 200],
  ['tags of the greatest length', [
    post(`"tags":{"${'😀'.repeat(128)}":"${'😀'.repeat(256)}"},"name":"${'😀'.repeat(256)}"`),
  ], 201],
  ['the first and the last instant', [
    post('"start_at":"0000-01-01T00:00:00Z","end_at":"9999-12-31T23:59:59.999Z"'),
  ], 201],
  ['a pause until the last instant', [
    post(''),
    ['POST', '/schedules/a/pause', '{"until":"9999-12-31T23:59:59.999Z"}'],
  ], 200],
  ['a pause until a time before the first', [
    post(''),
    ['POST', '/schedules/a/pause', '{"until":"0000-01-01T00:00:00+23:59"}'],
  ], 422],
  ['the largest limits of a policy', [
    post('"max_runs":1000000000,"jitter":"59m59.999s","action":{"type":"log","takes":"1h","fails":1e-300}'),
  ], 201],
  ['a run with a NUL in its id', [['POST', '/runs/a%00/cancel']], 404],
  ['a run that a request would select by an operator', [['POST', '/runs/$ne/rerun']], 404],
  ['the longest interval', [['POST', '/schedules', schedule('').replace('1h', '87600h')]], 201],
  ['a number instead of a string', [post('"name":-0')], 422],
  ['a number too large', [post('"name":1e999')], 422],
  ['terms of every size', [['POST', '/leader/step-down', '{"term":9007199254740991}']], 503],
  ['a negative zero as a term', [['POST', '/leader/step-down', '{"term":-0}']], 503],
  ['a term too large', [['POST', '/leader/step-down', '{"term":9007199254740993}']], 422],
  ['a cursor that is none', [['GET', '/schedules?cursor=junk']], 400],
  ['a cursor of runs that is none', [['GET', '/runs?cursor=junk']], 400],
  ['a cursor of another list', [['GET', `/runs?cursor=${cursor('["a"]')}`]], 400],
  ['a cursor of another list yet', [['GET', `/schedules?cursor=${cursor('[1,"a"]')}`]], 400],
  ['a cursor with half of a character', [['GET', `/schedules?cursor=${cursor('["\\ud800"]')}`]], 400],
  ['a cursor with a NUL', [post(''), ['GET', `/schedules?cursor=${cursor('["\\u0000"]')}`]], 200],
  ['a cursor beyond all time', [['GET', `/runs?cursor=${cursor('[1e300,"a"]')}`]], 400],
  ['a cursor between milliseconds', [['GET', `/runs?cursor=${cursor('[0.5,"a"]')}`]], 200],
  ['a cursor at the end of time', [['GET', `/runs?cursor=${cursor('[-8.64e15,"a"]')}`]], 200],
  ['a search for what a regular expression means', [post(''), [
    'GET',
    '/schedules?q=(%3Fi)a%7C%5B%5E%5D*%2B%2F-',
  ]], 200],
  ['a search for a letter that has no case', [post('"name":"ß"'), ['GET', '/schedules?q=SS']], 200],
  ['a search for 256 characters', [['GET', `/schedules?q=${encodeURIComponent('😀'.repeat(256))}`]], 200],
  ['a search for 257 characters', [['GET', `/schedules?q=${encodeURIComponent('😀'.repeat(257))}`]], 400],
  ['a term before all', [['GET', '/leadership?before=0']], 200],
  ['a term after all', [['GET', '/leadership?before=999999999999999']], 200],
  ['more digits than a term has', [['GET', '/leadership?before=9999999999999999']], 400],
  ['runs in all of time', [['GET', '/runs?from=0000-01-01T00:00:00Z&to=9999-12-31T23:59:59.999Z']], 200],
  ['runs of a schedule that can be none', [['GET', '/runs?schedule_id=%24where%00%5Cx']], 200],
  ['a run that can be none', [['GET', `/runs/${encodeURIComponent('$x\0'.repeat(300))}`]], 404],
  ['a schedule that can be none', [['GET', '/schedules/%00']], 404],
];

/** Replaces what differs between two databases at two moments. */
function comparable(text: string): unknown {
  return JSON.parse(text, (key, value) => /^(created_at|updated_at|next_fire_at)$/.test(key) ? '…' : value);
}

describe('MongoDB and the memory store', { skip: mongo.skip }, () => {
  const apps: [name: string, app: Hono][] = [];
  const failures: string[] = [];
  const logs: (() => unknown[])[] = [];
  let database: TestMongoDatabase;

  before(async () => {
    database = mongoDatabase(mongo);
    const stored = database.connect();
    await stored.prepare();
    for (const name of ['memory', 'mongo']) {
      const { app, log } = await testApi({
        store: (memory) =>
          observedStore(name === 'mongo' ? stored : memory, systemClock(), {
            called: () => {},
            failed: (operation, error) => failures.push(`${name}: ${operation}: ${(error as Error).message}`),
          }),
      });
      apps.push([name, app]);
      logs.push(() => log.filter(({ level }) => level !== 'debug'));
    }
  });
  after(() => database.close());

  for (const [what, asks, status] of CASES) {
    it(`agree on ${what}`, async () => {
      const answers = [];
      for (const [, app] of apps) {
        let last: Response | null = null;
        for (const [method, path, body] of asks) {
          last = await app.request(path, { method, ...(body !== undefined && { body }) });
        }
        const text = await last?.text() ?? '';
        answers.push({ status: last?.status, body: comparable(text) });
        await app.request('/schedules/a', { method: 'DELETE' });
      }
      assert.deepEqual(answers[1], answers[0]);
      assert.equal(answers[0]?.status, status, JSON.stringify(answers[0]?.body));
      assert.deepEqual(failures, [], 'no call of the store failed');
      assert.deepEqual(logs.flatMap((lines) => lines()), [], 'no log lines');
    });
  }
});
