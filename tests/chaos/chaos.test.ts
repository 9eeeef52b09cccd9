/** A short storm over three real replicas and a MongoDB of three members; scripts/chaos.ts runs long ones. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RUNTIME } from '../../src/local/runtime.ts';
import { mongodForSets } from '../../harness/cluster/mongoSet.ts';
import { report, violations } from '../../harness/chaos/report.ts';
import { storm } from '../../harness/chaos/storm.ts';

const { binary, skip } = await mongodForSets();
/** The faults are of the operating system and of MongoDB, so a part of them suffices on Deno. */
const FOR_MS = RUNTIME === 'node' ? 40_000 : 20_000;
const MIN_INJECTIONS = FOR_MS / 10_000;

describe('three replicas in a storm', { skip }, () => {
  it('lose nothing and do nothing twice', async (t) => {
    const result = await storm({ binary, seed: 4, forMs: FOR_MS, log: (line) => t.diagnostic(line) });
    for (const line of report(result).split('\n')) t.diagnostic(line);
    assert.ok(result.impacts.length >= MIN_INJECTIONS);
    assert.ok(result.findings.counts.claimed > 1000);
    for (const [name, sentences] of violations(result)) assert.deepEqual(sentences, [], name);
  });
});
