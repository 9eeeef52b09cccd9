import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problem, testApi } from '../support.ts';

describe('a repeated parameter', () => {
  const paths: [string, RegExp][] = [
    ['/runs?schedule_id=a&schedule_id=b', /^schedule_id: is repeated; give it once$/],
    ['/runs?state=failed&state=timed_out', /^state: .* give it once, with commas between its values$/],
    ['/schedules/a/runs?limit=1&limit=2', /^limit: /],
    ['/schedules/a/occurrences?count=1&count=2', /^count: /],
    ['/events?types=run&types=schedule', /^types: .* with commas/],
    ['/inspect?actor=a&actor=b', /^actor: .* with commas/],
    ['/liveness?boot=a&boot=b', /^boot: /],
    ['/leadership?before=1&before=2', /^before: /],
    ['/schedules/a?x=1&x=1', /^x: /],
    ['/nothing?x=1&x=1', /^x: /],
    ['/runs?tag=a&tag=b', /^tag: not a query parameter/],
  ];
  for (const [path, sentence] of paths) {
    it(`is refused: ${path}`, async () => {
      assert.match((await problem((await testApi()).app.request(path), 400)).detail, sentence);
    });
  }
});
