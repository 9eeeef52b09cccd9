import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LeaderLabel } from '../../../src/infra/kubernetes/leaderLabel.ts';
import { rest } from '../../../harness/sim/clock.ts';
import { FakeKubernetes, ME, refused, replicaIn } from './fake.ts';

const LEADER = { 'hascheduler.dev/role': 'leader' };
const term = (number: number) => ({ 'hascheduler.dev/term': `${number}` });

function setUp() {
  const api = new FakeKubernetes();
  const { deps, clock, lines } = replicaIn(api);
  return { api, clock, lines, label: new LeaderLabel(deps) };
}

describe("the leader's label", () => {
  it("is put on the own pod, with the term, and removed from the previous leader's", async () => {
    const { api, label } = setUp();
    api.add('hascheduler-b', LEADER, term(6));
    api.add('hascheduler-c', LEADER);
    label.show(7);
    await label.idle();
    assert.deepEqual(api.labelled, [[ME, '7']]);
  });

  it('is left to a pod that leads with a newer term, of which this replica has not heard yet', async () => {
    const { api, label } = setUp();
    api.add('hascheduler-b', LEADER, term(8));
    label.show(7);
    await label.idle();
    assert.deepEqual(api.labelled, [[ME, '7'], ['hascheduler-b', '8']]);
    label.show(null);
    await label.idle();
    assert.deepEqual(api.labelled, [['hascheduler-b', '8']]);
  });

  it('is not taken from pods of another installation', async () => {
    const { api, label } = setUp();
    api.add(ME, { 'app.kubernetes.io/instance': 'one' });
    api.add('other-a', { ...LEADER, 'app.kubernetes.io/instance': 'two' }, term(1));
    label.show(7);
    await label.idle();
    assert.deepEqual(api.labelled, [[ME, '7'], ['other-a', '1']]);
  });

  it('is not taken from a pod that was labelled anew since it was seen', async () => {
    const { api, clock, label } = setUp();
    api.add('hascheduler-b', LEADER, term(6));
    let first = true;
    api.before = (call) => {
      if (call !== 'patch hascheduler-b' || !first) return;
      first = false;
      api.add('hascheduler-b', LEADER, term(9));
    };
    label.show(7);
    await clock.advance(1000);
    await label.idle();
    assert.deepEqual(api.labelled, [[ME, '7'], ['hascheduler-b', '9']]);
  });

  it('does not mind a pod that is gone by the time', async () => {
    const { api, label, lines } = setUp();
    api.add('hascheduler-b', LEADER, term(6));
    api.before = (call) => {
      if (call === 'patch hascheduler-b') refused(404)();
    };
    label.show(7);
    await label.idle();
    assert.deepEqual(api.labelled[0], [ME, '7']);
    assert.deepEqual(lines, []);
  });

  it('shows the latest wish, whatever came in between', async () => {
    const { api, label } = setUp();
    for (const wish of [1, null, 2, null, 3]) label.show(wish);
    await label.idle();
    assert.deepEqual(api.labelled, [[ME, '3']]);
    label.show(4);
    label.show(null);
    await label.idle();
    assert.deepEqual(api.labelled, []);
  });

  it('follows a wish that comes while an earlier one is on its way', async () => {
    const { api, label } = setUp();
    let answer = () => {};
    api.before = (call) =>
      call === `patch ${ME}` ? new Promise<void>((resolve) => answer = resolve) : undefined;
    label.show(1);
    await rest();
    label.show(null);
    api.before = () => {};
    answer();
    await label.idle();
    assert.deepEqual(api.labelled, []);
  });

  it('is tried six times, with growing pauses, and then not before the next change', async () => {
    const { api, clock, label, lines } = setUp();
    api.before = refused(500);
    label.show(1);
    await clock.advance(60_000);
    await label.idle();
    assert.equal(api.calls.length, 6);
    assert.deepEqual(lines, ["warn could not label the leader's pod; nothing else is affected"]);
    api.before = () => {};
    label.show(2);
    await label.idle();
    assert.deepEqual(api.labelled, [[ME, '2']]);
  });

  it('gives up an old wish, that fails, for a new one', async () => {
    const { api, clock, label, lines } = setUp();
    api.before = refused(500);
    label.show(1);
    await rest();
    api.before = () => {};
    label.show(null);
    await clock.advance(60_000);
    await label.idle();
    assert.deepEqual(api.labelled, []);
    assert.deepEqual(lines, []);
  });

  it('is off for good without the permission, after one line', async () => {
    const { api, label, lines } = setUp();
    api.before = refused(403);
    label.show(1);
    await label.idle();
    label.show(2);
    await label.idle();
    assert.equal(api.calls.length, 1);
    assert.deepEqual(lines, ["info this pod may not label the leader's pod; nothing else is affected"]);
  });
});
