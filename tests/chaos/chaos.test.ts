/** A short storm over three real replicas and a MongoDB of three members. scripts/chaos.ts makes long ones. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mongodForSets } from '../support/mongoSet.ts';
import { report, violations } from './report.ts';
import { storm } from './storm.ts';

const { binary, skip } = await mongodForSets();
const FOR_MS = 50_000;
const LEAST_FAULTS = 5;

describe('three replicas in a storm', { skip }, () => {
  it('lose nothing and do nothing twice', async (t) => {
    const result = await storm({ binary, seed: 4, forMs: FOR_MS, log: (line) => t.diagnostic(line) });
    for (const line of report(result).split('\n')) t.diagnostic(line);
    assert.ok(result.impacts.length >= LEAST_FAULTS);
    assert.ok(result.findings.counts.claimed > 1000);
    for (const [name, sentences] of violations(result)) assert.deepEqual(sentences, [], name);
  });
});
