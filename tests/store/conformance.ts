import { describe } from 'node:test';
import { backfillCases } from './cases/backfills.ts';
import { claimCases } from './cases/claims.ts';
import { eventCases } from './cases/events.ts';
import { feedCases } from './cases/feed.ts';
import { leadershipCases } from './cases/leadership.ts';
import { leaseCases } from './cases/lease.ts';
import { openRunCases } from './cases/openRuns.ts';
import { overlapCases } from './cases/overlap.ts';
import { presenceCases } from './cases/presence.ts';
import { requestCases } from './cases/requests.ts';
import { runChangeCases } from './cases/runChanges.ts';
import { runCases } from './cases/runs.ts';
import { scheduleCases } from './cases/schedules.ts';
import { type OpenDatabase, testOn } from './support.ts';

/** What every store adapter has to do alike. */
export function conformance(open: OpenDatabase): void {
  const test = testOn(open);
  describe('lease', () => leaseCases(test));
  describe('claims', () => claimCases(test));
  describe('schedules', () => scheduleCases(test));
  describe('feed', () => feedCases(test));
  describe('runs', () => runCases(test));
  describe('backfills', () => backfillCases(test));
  describe('requests', () => requestCases(test));
  describe('changes of runs', () => runChangeCases(test));
  describe('open runs', () => openRunCases(test));
  describe('overlaps', () => overlapCases(test));
  describe('leadership', () => leadershipCases(test));
  describe('events', () => eventCases(test));
  describe('presence', () => presenceCases(test));
}
