import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextMark } from '../../../src/domain/firing/nextMark.ts';
import { DueQueue } from '../../../src/domain/firing/dueQueue.ts';
import { A, asks, ENDING, LOST, mark, NEXT_GRANT, running, T, won } from './schedulerSetup.ts';

describe('scheduler: the end of a leadership', () => {
  it('claims nothing any more once the lease is lost', async () => {
    const it = running(A);
    it.send(won());
    it.send(LOST);
    assert.equal(it.machine.state, 'idle');
    await it.clock.advance(500);
    assert.equal(it.claim.list.length, 0);
    it.send(won(mark(300), NEXT_GRANT));
    assert.deepEqual([it.claim.last.input.grant, asks(it.claim.last.input)], [NEXT_GRANT, { a: [400, 500] }]);
  });

  it('waits for the claim in flight when the lease is lost, and executes what it committed (G7)', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.send(LOST);
    assert.equal(it.machine.state, 'claiming');
    await it.clock.advance(200);
    await it.commit();
    assert.deepEqual([it.machine.state, it.executed(), it.claim.list.length], ['idle', [100], 1]);
    assert.deepEqual(it.machine.told, []);
  });

  it('stands down at once when no claim is in flight, and says so once', async () => {
    const leading = running(A);
    leading.send(won());
    leading.send(ENDING);
    assert.deepEqual([leading.machine.heard(), leading.machine.state], [['SCHEDULER.STOOD_DOWN'], 'idle']);
    const idle = running(A);
    idle.send(ENDING);
    assert.deepEqual(idle.machine.heard(), ['SCHEDULER.STOOD_DOWN']);
    await idle.clock.advance(2000);
    idle.send(won());
    assert.deepEqual([idle.machine.told, idle.machine.state], [[], 'claiming'], 'it can lead again');
  });

  it('stands down when the claim in flight is settled, not before (G8)', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.send(ENDING);
    await it.clock.advance(500);
    assert.deepEqual([it.machine.told, it.machine.state], [[], 'claiming']);
    await it.commit();
    assert.deepEqual(it.machine.heard(), ['SCHEDULER.STOOD_DOWN']);
    assert.deepEqual([it.executed(), it.claim.list.length], [[100], 1]);
  });

  it('stands down when it knows what became of a claim without an answer, not before', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.send(ENDING);
    await it.claim.last.fail();
    await it.resolve.last.fail();
    await it.clock.advance(100);
    assert.deepEqual([it.resolve.list.length, it.machine.told], [2, []]);
    await it.resolve.last.answer(it.resolve.last.input.runs);
    assert.deepEqual([it.machine.heard(), it.executed()], [['SCHEDULER.STOOD_DOWN'], [100]]);
  });

  it('says that it was fenced, executes nothing, and still owes what it asked for (G3)', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    await it.claim.last.answer({ kind: 'fenced' });
    assert.deepEqual(it.machine.told, [{ type: 'SCHEDULER.FENCED', term: 8 }]);
    assert.deepEqual([it.machine.state, it.executed(), it.jobs.size], ['idle', [], 0]);
    assert.equal(it.queue.nextDueMs(), T + 100);
    assert.deepEqual(it.progress.mark, mark(0));
  });

  it('still leads when a claim was early by the server’s clock, and still owes what it asked for (G6)', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.tests.skewMs = -1100;
    await it.claim.last.answer({ kind: 'early', serverNowMs: T - 1000 });
    assert.deepEqual([it.machine.state, it.executed()], ['waiting', []]);
    assert.deepEqual(it.progress.mark, mark(0));
    await it.clock.advance(1000);
    assert.equal(it.claim.list.length, 1);
    await it.clock.advance(100);
    assert.deepEqual([it.claim.list.length, asks(it.claim.last.input)], [2, { a: [100] }]);
    assert.equal(it.claim.last.input.nowMs, T + 100);
  });

  it('keeps the grant that it won while a claim of the one before was refused', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    it.send(LOST);
    it.send(won(mark(0), NEXT_GRANT));
    await it.claim.last.answer({ kind: 'fenced' });
    assert.deepEqual(it.machine.told, [{ type: 'SCHEDULER.FENCED', term: 8 }]);
    assert.deepEqual([it.machine.state, it.claim.last.input.grant], ['claiming', NEXT_GRANT]);
    assert.deepEqual(asks(it.claim.last.input), { a: [100] });
  });
});

describe('the watermark that is written', () => {
  function given(more: Partial<Parameters<typeof nextMark>[0]> = {}) {
    const queue = new DueQueue();
    queue.put(A, mark(0));
    return { queue, mark: mark(0), mirroredMs: T + 70, ...more };
  }

  it('is now, as long as nothing is owed, and what the mirror knows', () => {
    assert.deepEqual(nextMark(given(), T + 80, 'now'), mark(80, 70));
  });

  it('does not pass what is owed', () => {
    assert.deepEqual(nextMark(given(), T + 180, 'now'), mark(99, 70));
  });

  it('stays while our mirror is behind the one of the last leader (G2)', () => {
    assert.deepEqual(nextMark(given({ mark: mark(10, 71) }), T + 80, 'now'), mark(10, 71));
    assert.deepEqual(nextMark(given({ mark: mark(10, 70) }), T + 80, 'now'), mark(80, 70));
    assert.deepEqual(nextMark(given({ mirroredMs: -Infinity }), T + 80, 'now'), mark(0));
  });

  it('never goes back', () => {
    assert.deepEqual(nextMark(given({ mark: mark(70, 60) }), T + 80, 'now'), mark(80, 70));
    assert.deepEqual(
      nextMark(given({ mark: mark(90, 60) }), T + 80, 'now'),
      mark(90, 60),
      'neither number alone',
    );
  });
});
