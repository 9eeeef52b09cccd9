import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Schedule, type ScheduleSpec, specOf } from '../../../src/domain/schedules/schedule.ts';
import { changeOf } from '../../../src/domain/schedules/scheduleChange.ts';
import { every } from '../../support/schedules.ts';

const T = Date.UTC(2030, 0, 1);
const STORED: Schedule = every(60_000, T, { name: 'one', tags: { a: '1', b: '2' }, start_at: new Date(T) });
const SPEC = specOf(STORED);
const with_ = (more: Partial<ScheduleSpec>) => changeOf(STORED, { ...SPEC, ...more } as ScheduleSpec);

describe('a change of a schedule', () => {
  it('is none when it says the same, in any order', () => {
    assert.equal(changeOf(STORED, structuredClone(SPEC)), 'nothing');
    assert.equal(with_({ tags: { b: '2', a: '1' } }), 'nothing');
    assert.equal(changeOf(STORED, Object.fromEntries(Object.entries(SPEC).reverse()) as never), 'nothing');
  });

  it('is of the timing when it may have other occurrences', () => {
    const { start_at: _, ...endless } = SPEC;
    assert.equal(changeOf(STORED, endless), 'timing');
    const changes: Partial<ScheduleSpec>[] = [
      { definition: { interval: '61s' } },
      { definition: { interval: '60s', anchor: new Date(T) } },
      { type: 'cron', definition: { cron_expression: '* * * * *', timezone: 'UTC' } },
      { type: 'at_times', definition: { times: [new Date(T)] } },
      { start_at: new Date(T + 1) },
      { end_at: new Date(T + 1) },
      { paused: true },
    ];
    for (const change of changes) assert.equal(with_(change), 'timing', JSON.stringify(change));
  });

  it('is of the rest when it has the same occurrences', () => {
    const changes: Partial<ScheduleSpec>[] = [
      { name: 'two' },
      { description: 'new' },
      { tags: { a: '1' } },
      { pause_reason: 'x' },
      { definition: { interval: '1m' } },
      { policy: { ...SPEC.policy, catch_up: 'none' } },
      { history: { ...SPEC.history, success: '1h' } },
    ];
    for (const change of changes) assert.equal(with_(change), 'rest', JSON.stringify(change));
  });
});
