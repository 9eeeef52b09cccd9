import assert from 'node:assert/strict';
import { it } from 'node:test';
import { statelyInspector } from '../../../src/infra/log/statelyInspector.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';

it('says what to install when the package of the Stately inspector is not there', async () => {
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const missing = new Error("Cannot find package '@statelyai/inspect'");
  await assert.rejects(
    statelyInspector({ port: 0, replica: 'r1', clock: systemClock(), logger }, () => Promise.reject(missing)),
    (error: Error) => /npm install @statelyai\/inspect/.test(error.message) && error.cause === missing,
  );
});
