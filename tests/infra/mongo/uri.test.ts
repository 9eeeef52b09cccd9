import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { driverUri } from '../../../src/infra/mongo/shared/uri.ts';

describe('MongoDB URI', () => {
  const cases: [string, string][] = [
    ['mongodb://mongo:27017/?connect=direct', 'mongodb://mongo:27017/?directConnection=true'],
    ['mongodb://mongo:27017/?w=1&Connect=direct&a=b', 'mongodb://mongo:27017/?w=1&directConnection=true&a=b'],
    ['mongodb://mongo/?connect=automatic', 'mongodb://mongo/?directConnection=false'],
    ['mongodb://mongo/?connect=direct&directConnection=false', 'mongodb://mongo/?directConnection=false'],
    ['mongodb://mongo/?connectTimeoutMS=5', 'mongodb://mongo/?connectTimeoutMS=5'],
    ['mongodb://u:p%3F@a,b/db', 'mongodb://u:p%3F@a,b/db'],
  ];
  for (const [given, expected] of cases) {
    it(`takes ${given}`, () => assert.equal(driverUri(given), expected));
  }

  it('refuses other values of connect', () => {
    assert.throws(
      () => driverUri('mongodb://mongo/?connect=replicaSet'),
      /^Error: the option connect: it must be "direct" or "automatic"/,
    );
  });
});
