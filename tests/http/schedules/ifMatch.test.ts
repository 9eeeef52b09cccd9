import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOURLY, json, problem, send, testApi } from '../support.ts';

describe('If-Match', () => {
  const act = {
    PUT: (headers: Record<string, string>) => ({ method: 'PUT', body: JSON.stringify(HOURLY), headers }),
    DELETE: (headers: Record<string, string>) => ({ method: 'DELETE', headers }),
  };
  for (const method of ['PUT', 'DELETE'] as const) {
    for (const tag of ['"1"', '*', ' "1" ']) {
      it(`${tag} allows ${method}`, async () => {
        const { app } = await testApi();
        await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
        assert.equal((await app.request('/schedules/a', act[method]({ 'if-match': tag }))).status, 200);
      });
    }
    for (const tag of ['"2"', '"0"', '""', 'W/"1"', '"abc"', '"01x"', '"99999999999999999999"']) {
      it(`${tag} refuses ${method}`, async () => {
        const { app } = await testApi();
        await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
        const { detail } = await problem(app.request('/schedules/a', act[method]({ 'if-match': tag })), 412);
        assert.equal(detail, 'schedule "a" has another revision than the one in If-Match; get it again');
        assert.equal((await json(app.request('/schedules/a'))).revision, 1);
      });
    }
    it(`is refused on ${method} when it is not an ETag`, async () => {
      const { app } = await testApi();
      await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
      for (const tag of ['1', '"1", "2"', '"']) {
        const { detail } = await problem(app.request('/schedules/a', act[method]({ 'if-match': tag })), 400);
        assert.equal(
          detail,
          `If-Match: ${tag} is not one ETag; write it as received, in quotes, such as "3", or *`,
        );
      }
    });
    it(`on ${method} of an unknown id is still a 404`, async () => {
      await problem((await testApi()).app.request('/schedules/a', act[method]({ 'if-match': '*' })), 404);
    });
  }
});
