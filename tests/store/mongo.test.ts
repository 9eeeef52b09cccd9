import { after, describe } from 'node:test';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { conformance } from './conformance.ts';
import { mongoBackfillCases } from './mongo/backfills.ts';
import { mongoClaimCases } from './mongo/claims.ts';
import { mongoClockCases } from './mongo/clock.ts';
import { mongoLeaseCases } from './mongo/lease.ts';
import { mongoPlanCases } from './mongo/plans.ts';
import { mongoPresenceCases } from './mongo/presence.ts';
import { mongoRefusalCases } from './mongo/refusals.ts';
import { mongoStreamCases } from './mongo/streams.ts';
import { mongoTestOn } from './mongo/support.ts';
import { malformedDocumentCases } from './mongo/malformedDocuments.ts';
import { malformedScheduleCases } from './mongo/malformedSchedules.ts';
import { mongoDatabase } from './mongoDatabase.ts';

const mongo = await testMongo();

describe('MongoDB store', { skip: mongo.skip }, () => {
  after(() => mongo.stop());
  conformance(async () => mongoDatabase(mongo));
  describe('on a real server', () => {
    const test = mongoTestOn(mongo);
    mongoLeaseCases(test);
    mongoClaimCases(test);
    mongoRefusalCases(test);
    mongoStreamCases(test);
    mongoClockCases(test);
    mongoPresenceCases(test);
    mongoBackfillCases(test);
    mongoPlanCases(test);
  });
  describe('with malformed documents', () => malformedDocumentCases(mongo));
  describe('with malformed schedules', () => malformedScheduleCases(mongo));
});
