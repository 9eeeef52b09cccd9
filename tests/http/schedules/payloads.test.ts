/** The examples in payloads/, which the justfile's recipes send. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { json, send, testApi } from '../support.ts';

const PROJECT = new URL('../../../', import.meta.url);
const FILES = readdirSync(new URL('payloads/', PROJECT)).filter((name) => name.endsWith('.json'));

const BACKFILL = 'backfill.json';

function text(file: string): string {
  return readFileSync(new URL(`payloads/${file}`, PROJECT), 'utf8');
}

describe('the payloads', () => {
  for (const file of FILES.filter((name) => name !== BACKFILL)) {
    it(`${file} is accepted`, async () => {
      const { app } = await testApi();
      const response = await send(
        app,
        'POST',
        '/schedules',
        text(file),
      );
      assert.equal(response.status, 201, JSON.stringify(await json(response)));
    });
  }

  it(`${BACKFILL} is accepted`, async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...JSON.parse(text('create_schedule_cron.json')), id: 's' });
    const response = await send(app, 'POST', '/schedules/s/backfills', text(BACKFILL));
    assert.equal(response.status, 201, JSON.stringify(await json(response)));
  });

  it('each have a recipe', () => {
    const justfile = readFileSync(new URL('justfile', PROJECT), 'utf8');
    for (const file of FILES) assert.ok(justfile.includes(`payloads/${file}`), file);
  });
});
