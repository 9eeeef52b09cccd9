import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { localTime, zoneNameOf } from '../../../src/domain/timing/localTime.ts';

describe('local times', () => {
  it('are written with their offset', () => {
    assert.equal(localTime(Date.UTC(2026, 0, 31, 9, 30, 0, 7), 'UTC'), '2026-01-31T09:30:00.007+00:00');
    assert.throws(() => localTime(0, 'Atlantis'), /"Atlantis" is not known/);
  });

  it('are those of the zone that the schedule has', () => {
    const definition = { cron_expression: '* * * * *', timezone: 'Etc/UTC' };
    assert.equal(zoneNameOf({ type: 'cron', definition }), 'Etc/UTC');
    assert.equal(zoneNameOf({ type: 'duration', definition: { interval: '1s' } }), 'UTC');
  });
});
