import { describe } from 'node:test';
import { adoptionCases } from './cases/adoption.ts';
import { claimCases } from './cases/claims.ts';
import { eventCases } from './cases/events.ts';
import { feedCases } from './cases/feed.ts';
import { leadershipCases } from './cases/leadership.ts';
import { leaseCases } from './cases/lease.ts';
import { presenceCases } from './cases/presence.ts';
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
  describe('adoption', () => adoptionCases(test));
  describe('leadership', () => leadershipCases(test));
  describe('events', () => eventCases(test));
  describe('presence', () => presenceCases(test));
}
