import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shapeProblem } from '../../../src/http/shared/jsonShape.ts';
import { problem, send, testApi } from '../support.ts';

const shape = (text: string) => shapeProblem(new TextEncoder().encode(text));
const list = (count: number) => `[${Array(count).fill(1).join(',')}]`;
const object = (count: number) => `{${Array.from({ length: count }, (_, i) => `"${i}":1`).join(',')}}`;

describe('the shape of JSON text', () => {
  it('accepts the largest meaningful body', () => {
    for (const text of [list(20_000), object(1_000), '['.repeat(32) + ']'.repeat(32), '', 'null', '[']) {
      assert.equal(shape(text), null);
    }
  });

  it('refuses a larger one', () => {
    assert.equal(shape(list(20_001)), 'the body holds more than 20000 values');
    assert.equal(shape(object(1_001)), 'the body has more than 1000 fields');
    assert.equal(shape('[{"a":'.repeat(17)), 'the body is nested deeper than 32 levels');
  });

  it('ignores the contents of strings', () => {
    const inside = '[{,:'.repeat(30_000);
    for (const text of [`"${inside}"`, `{"a":"\\"${inside}","b":"\\\\"}`, `"${inside}`, '"\\']) {
      assert.equal(shape(text), null);
    }
    assert.equal(shape(`"\\\\",${'['.repeat(33)}`), 'the body is nested deeper than 32 levels');
  });
});

describe('a body of meaningless values', () => {
  const bodies: [string, string, string][] = [
    ['half a million numbers', list(500_000), 'the body holds more than 20000 values'],
    ['60,000 unknown fields', object(60_000), 'the body has more than 1000 fields'],
  ];
  for (const [what, body, detail] of bodies) {
    it(`is refused before it is parsed: ${what}`, async (t) => {
      const { app } = await testApi();
      const parse = t.mock.method(JSON, 'parse');
      const response = await send(app, 'POST', '/schedules', body);
      const parsed = parse.mock.calls.filter((call) =>
        String(call.arguments[0]).startsWith(body.slice(0, 9))
      );
      parse.mock.restore();
      assert.deepEqual(parsed, []);
      assert.deepEqual((await problem(response, 422)).errors, [{ pointer: '', detail }]);
    });
  }

  it('is validated up to the hundredth problem', async () => {
    const { app } = await testApi();
    const times = Array(10_000).fill('soon');
    const { errors = [] } = await problem(
      send(app, 'POST', '/schedules', { type: 'at_times', definition: { times } }),
      422,
    );
    assert.equal(errors.length, 101);
    assert.deepEqual(errors.at(-1), {
      pointer: '',
      detail: 'the body: there are more problems than these 100',
    });
  });
});
