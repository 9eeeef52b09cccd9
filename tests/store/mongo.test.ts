import { after, describe } from 'node:test';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { conformance } from './conformance.ts';
import { mongoCases } from './mongoCases.ts';
import { strangeCases } from './strangeCases.ts';
import { strangeSchedules } from './strangeSchedules.ts';
import { mongoDatabase } from './mongoDatabase.ts';

const mongo = await testMongo();

describe('MongoDB store', { skip: mongo.skip }, () => {
  after(() => mongo.stop());
  conformance(async () => mongoDatabase(mongo));
  describe('on a real server', () => mongoCases(mongo));
  describe('with strange documents', () => strangeCases(mongo));
  describe('with strange schedules', () => strangeSchedules(mongo));
});
