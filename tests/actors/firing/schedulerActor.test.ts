import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changed, every } from '../../support/schedules.ts';
import {
  A,
  asks,
  B,
  deleted,
  GRANT,
  lease,
  loadedEvent,
  mark,
  mirrored,
  running,
  T,
  upsert,
  won,
  written,
} from './schedulerSetup.ts';

describe('scheduler, as an actor', () => {
  it('claims what is due at one moment in one transaction, under its grant', async () => {
    const it = running(A, B);
    it.send(won());
    await it.clock.advance(99);
    assert.equal(it.claim.list.length, 0);
    await it.clock.advance(1);
    const batch = it.claim.last.input;
    assert.deepEqual(batch.grant, GRANT);
    assert.equal(batch.durationMs, 3000);
    assert.deepEqual(asks(batch), { a: [100], b: [100] });
    assert.deepEqual(
      batch.requests.map(({ revision, effectiveFrom }) => [revision, effectiveFrom]),
      [[1, new Date(T)], [1, new Date(T)]],
    );
    const [run] = batch.requests[0]?.runs ?? [];
    assert.deepEqual([run?.executor, run?.executor_boot, run?.term, run?.trigger], [
      'r1',
      'b1',
      8,
      'schedule',
    ]);
  });

  it('executes what is committed, and nothing before', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    assert.deepEqual([it.executed(), it.jobs.stateOf('a')], [[], 'claiming']);
    await it.commit();
    assert.deepEqual([it.executed(), it.jobs.stateOf('a')], [[100], 'running']);
    assert.deepEqual(it.tests.claimed, [{ runs: 1, duplicates: [], stale: [] }]);
  });

  it('has one claim in flight; what falls due meanwhile is in the next', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(450);
    assert.equal(it.claim.list.length, 1);
    await it.commit();
    assert.equal(it.claim.list.length, 2);
    assert.deepEqual(asks(it.claim.last.input), { a: [200, 300, 400] });
    await it.commit();
    await it.clock.advance(50);
    assert.deepEqual(asks(it.claim.last.input), { a: [500] });
  });

  it('takes 100 occurrences in one transaction at most (G9)', async () => {
    const it = running(every(10, T, { id: 'a' }), every(10, T, { id: 'b' }));
    await it.clock.advance(800);
    it.send(won());
    const sizes: number[] = [];
    while (it.claim.list.length > sizes.length) {
      sizes.push(it.claim.last.input.requests.flatMap(({ runs }) => runs).length);
      await it.commit();
    }
    assert.deepEqual(sizes, [100, 60]);
  });

  it('claims nothing without trust in its lease, and goes on when it has it again', async () => {
    const it = running(A);
    it.send(won());
    it.tests.trusted = false;
    await it.clock.advance(150);
    assert.equal(it.claim.list.length, 0);
    it.tests.trusted = true;
    await it.clock.advance(1);
    assert.deepEqual(asks(it.claim.last.input), { a: [100] });
  });

  it("notices within a second that the server's clock was stepped", async () => {
    const it = running(every(60_000, T, { id: 'a' }));
    it.send(won());
    await it.clock.advance(500);
    it.tests.skewMs = 59_600;
    await it.clock.advance(500);
    assert.deepEqual(asks(it.claim.last.input), { a: [60_000] });
  });

  it('wakes earlier when it learns of something earlier', async () => {
    const it = running(every(900, T, { id: 'a' }));
    it.send(won());
    await it.clock.advance(10);
    it.send(upsert(every(50, T, { id: 'b' })));
    await it.clock.advance(40);
    assert.deepEqual(asks(it.claim.last.input), { b: [50] });
  });

  it('takes a snapshot for the whole truth: what is not in it is gone', async () => {
    const it = running(A, B);
    it.send(won());
    it.send(loadedEvent(B));
    await it.clock.advance(100);
    assert.deepEqual(asks(it.claim.last.input), { b: [100] });
  });

  it('claims nothing of a schedule that was deleted or paused', async () => {
    const it = running(A, B, every(100, T, { id: 'c' }));
    it.send(won());
    await it.clock.advance(50);
    it.send(deleted('a'));
    it.send(upsert(changed(B, 100, T + 50, { paused: true })));
    await it.clock.advance(100);
    assert.deepEqual(asks(it.claim.last.input), { c: [100] });
  });

  it('says which runs may have been claimed under an earlier term', async () => {
    // The last leader had got to 250 when its mirror had got to 0: it may not have known of this definition.
    const it = running(every(100, T, { id: 'a', effective_from: new Date(T + 50) }));
    await it.clock.advance(320);
    it.send(won(mark(250, 0), GRANT, 320));
    assert.deepEqual(asks(it.claim.last.input), { a: [100, 200, 300] });
    assert.equal(it.claim.last.input.mayBeClaimed, true);
    assert.equal(it.claim.last.input.requests[0]?.runs[0]?.trigger, 'catch_up');
    await it.commit();
    await it.clock.advance(80);
    assert.equal(it.claim.last.input.mayBeClaimed, false);
  });

  it('knows that claims of an earlier term may lie beyond its watermark, and no later than its last renewal', async () => {
    const it = running(A);
    await it.clock.advance(2100);
    it.send({ ...won(mark(100), GRANT, 2100), lastClaimMs: T + 500 });
    assert.equal(it.claim.last.input.mayBeClaimed, true);
    await it.commit();
    await it.clock.advance(100);
    assert.equal(it.claim.last.input.mayBeClaimed, false, 'the last leader had claimed nothing by then');
  });

  it('knows that what is new to its queue may have been there before', async () => {
    const it = running();
    it.send(won());
    await it.clock.advance(250);
    it.send(upsert(A));
    assert.equal(it.claim.last.input.mayBeClaimed, true);
  });

  it('needs no second look at what the lease says is settled', async () => {
    const it = running(A);
    await it.clock.advance(450);
    it.send({ type: 'LEASE.SEEN', mark: mark(300) });
    it.send(won(mark(200)));
    assert.deepEqual(asks(it.claim.last.input), { a: [400] }, 'marks only grow');
  });

  it('leaves a schedule alone that turned out to be stale, until the mirror moves', async () => {
    const it = running(A, B);
    it.send(mirrored(0));
    it.send(won());
    await it.clock.advance(100);
    assert.equal(written(it.claim.last.input, []).claimedThroughMs, T + 100);
    assert.equal(written(it.claim.last.input, ['a']).claimedThroughMs, T + 99, 'it is still owed');
    await it.commit(['a']);
    assert.equal(it.jobs.stateOf('a'), undefined);
    await it.clock.advance(100);
    assert.deepEqual(asks(it.claim.last.input), { b: [200] });
    await it.commit();
    it.send(upsert(changed(A, 30, T + 90)));
    assert.deepEqual(asks(it.claim.last.input), { a: [120, 150, 180] });
  });

  it('tries a stale schedule again when the mirror has moved and says nothing of it', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    await it.commit(['a']);
    await it.clock.advance(50);
    assert.equal(it.claim.list.length, 1);
    it.send(mirrored(150));
    assert.deepEqual(it.claim.list.map(({ input }) => asks(input)), [{ a: [100] }, { a: [100] }]);
  });

  it('tries it again also when the mirror moved while another claim was in flight', async () => {
    const it = running(A, every(130, T, { id: 'b' }));
    it.send(won());
    await it.clock.advance(100);
    await it.commit(['a']);
    await it.clock.advance(30);
    assert.deepEqual(asks(it.claim.last.input), { b: [130] });
    it.send(mirrored(130));
    await it.commit();
    assert.deepEqual(asks(it.claim.last.input), { a: [100] });
  });

  it('counts as claimed what an earlier try committed, even if the definition has changed since', async () => {
    const it = running(A);
    it.send(won());
    await it.clock.advance(100);
    const runs = it.claim.last.input.requests.flatMap((request) => request.runs);
    await it.claim.last.answer({
      kind: 'committed',
      lease: lease(8, mark(99)),
      runs,
      stale: ['a'],
      duplicates: [],
      exhausted: [],
    });
    assert.deepEqual(it.executed(), [100]);
    await it.clock.advance(100);
    assert.deepEqual(asks(it.claim.last.input), { a: [200] });
  });

  it('does not execute a run that another replica has settled', async () => {
    const it = running(A);
    await it.clock.advance(200);
    it.send(won());
    const [first] = it.claim.last.input.requests[0]?.runs ?? [];
    await it.commit([], [first?.id as string]);
    assert.deepEqual(it.executed(), [200]);
    assert.deepEqual(it.tests.claimed, [{ runs: 1, duplicates: [first?.id], stale: [] }]);
  });
});
