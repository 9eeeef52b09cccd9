import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { httpActionProblem } from '../../../src/domain/actions/httpReading.ts';
import { http, parsed } from './httpSetup.ts';

const ACTION = parsed(http({
  headers: { 'X-Key': '{{secret.KEY}}' },
  body: { user: ['{{schedule.id}}'] },
  signing: { secrets: ['KEY'] },
}));
const names = 'the names are schedule.id, schedule.name, schedule.revision, run.id, run.scheduled_for, ' +
  'run.attempt, run.trigger';

describe('a stored http action', () => {
  it('is understood as it was accepted', () => {
    assert.equal(httpActionProblem(ACTION), null);
    assert.equal(httpActionProblem(structuredClone(ACTION)), null);
    assert.equal(httpActionProblem({ ...ACTION, body: undefined }), null);
  });

  const setAside: [string, unknown, string][] = [
    ['nothing', undefined, 'is not an object'],
    ['null', null, 'is not an object'],
    ['a list', [ACTION], 'is not an object'],
    ['another type', { ...ACTION, type: 'htpp' }, 'has type is "htpp", which this version does not know'],
    [
      'a later field',
      { ...ACTION, completion: 'callback' },
      'has completion is a field that this version does not know',
    ],
    [
      'a field that all objects have',
      { ...ACTION, valueOf: 1 },
      'has valueOf is a field that this version does not know',
    ],
    ['no method', { ...ACTION, method: undefined }, 'has method is missing'],
    [
      'a later method',
      { ...ACTION, method: 'QUERY' },
      'has method is "QUERY", which this version does not know',
    ],
    ['a URL that is no text', { ...ACTION, url: 1 }, 'has url is not a string'],
    ['another scheme', { ...ACTION, url: 'ws://a/' }, 'has url has the scheme "ws"; write https or http'],
    [
      'a later placeholder in the URL',
      { ...ACTION, url: 'https://a/{{run.colour}}' },
      `has url has "{{run.colour}}", a name that is not known; ${names}; {{braces}} stands for {{ itself`,
    ],
    [
      'a header that would split the request',
      { ...ACTION, headers: { a: 'b\r\nc' } },
      'has headers at "a" has the character U+000D, but a header\'s value is one line of ASCII; leave it out or encode it',
    ],
    [
      'a later placeholder in the body',
      { ...ACTION, body: { user: ['{{run.colour}}'] } },
      `has body at "user/0" has "{{run.colour}}", a name that is not known; ${names}, secret.NAME; {{braces}} stands for {{ itself`,
    ],
    ['a date in the body', { ...ACTION, body: { at: new Date(0) } }, 'has body at "at" is not a JSON value'],
    [
      'a later class',
      { ...ACTION, success: ['1xx'] },
      'has success at "0" expected one of "2xx", "3xx", "4xx", "5xx", found "1xx"',
    ],
    [
      'no statuses',
      { ...ACTION, success: null },
      'has success expected an array of statuses such as [200, "3xx"], found null',
    ],
    [
      'a later kind of signing',
      { ...ACTION, signing: { secrets: ['A'], by: 'ed25519' } },
      'has signing has by, a field that this version does not know',
    ],
    [
      'a signing by nothing',
      { ...ACTION, signing: {} },
      'has signing has secrets is missing; write an array of names of secrets such as ["BILLING"]',
    ],
    ['a signing that is no object', { ...ACTION, signing: 'A' }, 'has signing is not an object'],
    ['a number for yes', { ...ACTION, cloud_events: 1 }, 'has cloud_events is neither true nor false'],
    ['a body with GET', { ...ACTION, method: 'GET' }, 'has body beside the method GET, which takes none'],
  ];
  for (const [what, stored, problem] of setAside) {
    it(`with ${what} is not understood`, () => assert.equal(httpActionProblem(stored), problem));
  }
});
