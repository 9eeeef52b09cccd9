import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreRefused } from '../../../src/actors/shared/storeErrors.ts';
import { A, asks, B, deleted, loadedEvent, LOST, offset, running, won } from './schedulerSetup.ts';

describe('scheduler: a claim without an answer', () => {
  async function lost() {
    const it = running(A, B);
    it.send(won());
    await it.clock.advance(100);
    await it.claim.last.fail();
    return it;
  }

  it('is asked about before anything else is claimed', async () => {
    const it = await lost();
    await it.clock.advance(500);
    assert.deepEqual([it.claim.list.length, it.executed()], [1, []]);
    assert.deepEqual(it.resolve.last.input.runs.map(offset), [100, 100]);
    assert.deepEqual(it.tests.reports, ['a claim got no answer; finding out whether it was committed']);
  });

  it('is executed where it was committed, and claimed again where it was not', async () => {
    const it = await lost();
    await it.resolve.last.answer(it.resolve.last.input.runs.filter((run) => run.schedule_id === 'a'));
    assert.deepEqual([it.executed(), it.jobs.stateOf('a')], [[100], 'running']);
    assert.deepEqual(asks(it.claim.last.input), { b: [100] });
  });

  it('leaves a job that is due, as long as it is owed and we lead', async () => {
    const it = await lost();
    it.tests.trusted = false;
    await it.resolve.last.answer([]);
    assert.deepEqual([it.jobs.stateOf('a'), it.jobs.stateOf('b')], ['due', 'due']);
    it.send(LOST);
    assert.equal(it.jobs.size, 0);
  });

  it('is asked about every 100 ms until there is an answer, leader or not (G7)', async () => {
    const it = await lost();
    it.send(LOST);
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.equal(it.resolve.list.length, attempt);
      await it.resolve.last.fail();
      await it.clock.advance(99);
      assert.equal(it.resolve.list.length, attempt);
      await it.clock.advance(1);
    }
    await it.resolve.last.answer(it.resolve.last.input.runs);
    assert.deepEqual([it.executed(), it.machine.state], [[100, 100], 'idle']);
  });
});

describe('scheduler: a claim that the store refuses', () => {
  it('is made again when it is sure that nothing was committed, after a pause', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    await it.claim.last.fail(new StoreRefused('MongoDB refused a claim', 'OutOfDiskSpace'));
    await it.clock.advance(99);
    assert.deepEqual([it.resolve.list.length, it.machine.state], [0, 'unresolved']);
    await it.clock.advance(1);
    await it.resolve.last.answer([]);
    assert.deepEqual(asks(it.claim.last.input), { a: [100, 200] });
    await it.commit();
    assert.deepEqual(it.executed(), [100, 200]);
    assert.deepEqual(it.tests.reports, [
      'a claim was refused; making it again when it is sure that nothing was committed',
    ]);
  });
});

describe('a schedule that is gone before its claim is answered', () => {
  const ways: [string, Parameters<ReturnType<typeof running>['send']>[0]][] = [
    ['deleted', deleted('a')],
    ['missing from a fresh snapshot', loadedEvent()],
  ];
  for (const [how, event] of ways) {
    it(`has what was committed executed all the same: ${how} (G7)`, async () => {
      const it = running(A);
      it.send(won());
      await it.clock.advance(100);
      it.send(event);
      await it.commit();
      assert.deepEqual(it.executed(), [100]);
    });
  }

  it('leaves no job behind when nothing was committed', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.send(deleted('a'));
    await it.commit(['a']);
    assert.equal(it.jobs.size, 0);
  });
});
